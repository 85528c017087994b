// heatmap: how many fell into each bucket at each time, the higher bounds above. Our own code, as the components that
// Grafana publishes lack it; colours are of the same schemes (d3's), from the least to the most that there is.
import { FieldType, formattedValueToString, getValueFormat } from "@grafana/data";
import * as d3 from "d3";

import { across, AXIS, TimeAxis } from "./axis.jsx";

const [LEGEND, LEFT] = [26, 64];
const LEAST_APART = 14;

export function Heat({ panel, data, exemplars, theme, range, width, height }) {
  const options = { cellGap: 1, legend: { show: true }, color: {}, filterValues: { le: 1e-9 }, ...panel.options };
  const [time, ...rows] = data[0].fields;
  const bottom = height - AXIS - (options.legend.show ? LEGEND : 0);
  const tall = bottom / rows.length;
  const x = across(range, LEFT, width - 4);
  const values = rows
    .flatMap((row) => row.values)
    .filter((value) => value !== null && value > (options.filterValues?.le ?? -Infinity));
  const [least, most] = d3.extent(values);
  const color = colors(options.color, theme, least ?? 0, most ?? 1);
  const bound = (name) =>
    Number.isFinite(Number(name))
      ? formattedValueToString(getValueFormat(options.yAxis?.unit ?? "short")(Number(name), options.yAxis?.decimals))
      : name;
  const every = Math.ceil(LEAST_APART / tall);
  const interval = time.config.interval ?? 0;
  const wide = Math.max(1, x(range.from.valueOf() + interval) - LEFT - options.cellGap);
  return (
    <div>
      <svg width={width} height={bottom + AXIS} style={{ display: "block" }}>
        <TimeAxis x={x} top={0} height={bottom} />
        {rows.map((row, index) => {
          const top = bottom - (index + 1) * tall;
          return (
            <g key={row.name}>
              {index % every === 0 && (
                <text
                  x={LEFT - 8}
                  y={top + 4 + (index === rows.length - 1 ? 6 : 0)}
                  fontSize={12}
                  textAnchor="end"
                  fill={theme.colors.text.primary}
                >
                  {bound(row.name)}
                </text>
              )}
              {row.values.map((value, at) =>
                value > (options.filterValues?.le ?? -Infinity) && x(time.values[at]) - wide >= LEFT - wide ? (
                  <rect
                    key={at}
                    x={Math.max(LEFT, x(time.values[at]) - wide)}
                    y={top}
                    width={wide}
                    height={Math.max(1, tall - options.cellGap)}
                    fill={color(value)}
                  />
                ) : null,
              )}
            </g>
          );
        })}
        <Exemplars
          {...{ exemplars, rows, x, bottom, tall }}
          color={options.exemplars?.color ?? "rgba(255,0,255,0.7)"}
        />
      </svg>
      {options.legend.show && values.length > 0 && <Scale {...{ color, least, most, theme }} />}
    </div>
  );
}

function colors(
  { mode = "scheme", scheme = "Oranges", steps = 64, reverse = false, fill = "dark-orange", min, max },
  theme,
  least,
  most,
) {
  const scale = d3.scaleLinear([min ?? least, max ?? most], [0, 1]).clamp(true);
  if (mode === "opacity")
    return (value) => d3.color(theme.visualization.getColorByName(fill)).copy({ opacity: scale(value) });
  const between = d3[`interpolate${scheme}`] ?? d3.interpolateOranges;
  // What is little fades into the panel: Grafana turns the schemes of one hue round for its dark theme.
  const turned = theme.isDark !== reverse;
  return (value) => {
    const part = Math.round(scale(value) * steps) / steps;
    return between(turned ? 1 - part : part);
  };
}

function Exemplars({ exemplars, rows, x, bottom, tall, color }) {
  const bounds = rows.map((row) => (row.name === "+Inf" ? Infinity : Number(row.name)));
  return exemplars.map(({ timestamp, value }, index) => {
    const row = bounds.findIndex((bound) => Number(value) <= bound);
    const [left, middle] = [x(timestamp * 1000), bottom - (row + 0.5) * tall];
    if (row < 0 || left < LEFT || left > x.range()[1]) return null;
    return <path key={index} className="exemplar" d={`M${left - 3},${middle}l3,-3l3,3l-3,3z`} fill={color} />;
  });
}

function Scale({ color, least, most, theme }) {
  const stops = d3.range(0, 1.01, 0.05).map((part) => color(least + part * (most - least)));
  const text = (value) => formattedValueToString(getValueFormat("short")(value));
  const style = { display: "flex", alignItems: "center", gap: 8, height: LEGEND, ...theme.typography.bodySmall };
  return (
    <div style={style}>
      {text(least)}
      <span style={{ width: 240, height: 8, background: `linear-gradient(to right, ${stops.join(",")})` }} />
      {text(most)}
    </div>
  );
}
