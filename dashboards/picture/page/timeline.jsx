// state-timeline and status-history: a row for each series, in the colour of its value at each time. Our own code, as
// the components that Grafana publishes lack it; which items its legend has is as in Grafana.
import { FieldType, formattedValueToString, getFieldDisplayName, getValueFormat } from "@grafana/data";
import { measureText, VizLegend } from "@grafana/ui";

import { across, AXIS, TimeAxis } from "./axis.jsx";

const [LEGEND, FONT] = [28, 12];

export function Timeline({ panel, data, theme, range, width, height }) {
  const options = {
    mergeValues: true,
    showValue: "auto",
    rowHeight: 0.9,
    legend: { showLegend: true },
    ...panel.options,
  };
  const rows = data.flatMap((frame) =>
    frame.fields
      .filter(({ type }) => type !== FieldType.time)
      .map((field) => ({ field, frame, name: getFieldDisplayName(field, frame, data) })),
  );
  const items = options.legend.showLegend
    ? legend(
        rows.map(({ field }) => field),
        theme,
      )
    : [];
  const left = Math.min(width * 0.3, Math.max(...rows.map(({ name }) => measureText(name, FONT).width))) + 8;
  const bottom = height - AXIS - (items.length ? LEGEND : 0);
  const tall = bottom / rows.length;
  const x = across(range, left, width - 4);
  const merge = options.mergeValues && panel.type === "state-timeline";
  return (
    <div>
      <svg width={width} height={bottom + AXIS} style={{ display: "block" }}>
        <TimeAxis x={x} top={0} height={bottom} />
        {rows.map(({ field, frame, name }, index) => {
          const [thick, middle] = [tall * options.rowHeight, (index + 0.5) * tall];
          return (
            <g key={index}>
              <text
                x={left - 8}
                y={middle + 4}
                fontSize={Math.min(FONT, tall)}
                textAnchor="end"
                fill={theme.colors.text.primary}
              >
                {name}
              </text>
              {blocks(frame, field, range, merge).map((block) => (
                <Block key={block.from} {...block} {...{ field, x, options, theme, thick }} y={middle - thick / 2} />
              ))}
            </g>
          );
        })}
      </svg>
      {items.length > 0 && <VizLegend placement="bottom" displayMode="list" items={items} />}
    </div>
  );
}

function Block({ from, to, value, field, x, y, thick, options, theme }) {
  const shown = field.display(value);
  const text = formattedValueToString(shown);
  const [left, wide] = [x(from), x(to) - x(from)];
  const fits =
    options.showValue === "always" || (options.showValue === "auto" && measureText(text, FONT).width + 8 < wide);
  return (
    <>
      <rect
        x={left}
        y={y}
        width={Math.max(wide, 1)}
        height={thick}
        fill={shown.color}
        fillOpacity={(field.config.custom?.fillOpacity ?? 70) / 100}
      />
      {fits && (
        <text
          x={left + 6}
          y={y + thick / 2 + 4}
          fontSize={Math.min(FONT, thick)}
          fill={theme.colors.getContrastText(shown.color)}
        >
          {text}
        </text>
      )}
    </>
  );
}

/** A value holds until the next sample; where one is missing, for an interval. */
function blocks(frame, field, range, merge) {
  const time = frame.fields.find(({ type }) => type === FieldType.time);
  const interval = time.config.interval ?? Infinity;
  const [first, last] = [range.from.valueOf(), range.to.valueOf()];
  const found = [];
  for (let index = 0; index < frame.length; index++) {
    const value = field.values[index];
    const from = Math.max(first, time.values[index]);
    const next = time.values[index + 1] ?? last;
    const to = Math.min(last, next - time.values[index] > interval * 1.5 ? time.values[index] + interval : next);
    if (value === null || value === undefined || Number.isNaN(value) || to <= from) continue;
    const before = found.at(-1);
    if (merge && before?.value === value && before.to === from) before.to = to;
    else found.push({ from, to, value });
  }
  return found;
}

function legend(fields, theme) {
  const { color, thresholds, unit, decimals } = fields[0].config;
  const item = (label, name) => ({ label, color: theme.visualization.getColorByName(name), yAxis: 1 });
  if (color?.mode?.startsWith("continuous")) return [];
  if (color?.mode === "thresholds" && thresholds?.steps.length > 1) {
    const text = (value) => formattedValueToString(getValueFormat(unit ?? "")(value, decimals));
    const [lowest, ...steps] = thresholds.steps;
    return [
      item(`< ${text(steps[0].value)}`, lowest.color),
      ...steps.map((step) => item(`${text(step.value)}+`, step.color)),
    ];
  }
  const states = new Map();
  for (const field of fields) {
    for (const value of new Set(field.values)) {
      const shown = field.display(value);
      if (shown.color && shown.text) states.set(shown.text, shown.color);
    }
  }
  return [...states].map(([text, name]) => item(text, name));
}
