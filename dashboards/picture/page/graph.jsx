// timeseries: Grafana's TimeSeries; annotations are lines and bands of our own on its canvas.
import { FieldType } from "@grafana/data";
import { TimeSeries } from "@grafana/ui";

import { marksOf } from "./marks.js";

const LEGEND = { showLegend: true, displayMode: "list", placement: "bottom", calcs: [] };

export function Graph({ panel, data, theme, timeZone, range, marks, width, height }) {
  const marked = new WeakSet();
  const found = marksOf(marks, theme);
  return (
    <TimeSeries
      frames={data.map(finite)}
      structureRev={1}
      timeRange={range}
      timeZone={[timeZone]}
      width={width}
      height={height}
      legend={{ ...LEGEND, ...panel.options?.legend }}
      options={panel.options}
    >
      {(config) => {
        if (!marked.has(config)) config.addHook("draw", (plot) => drawMarks(plot, found));
        marked.add(config);
      }}
    </TimeSeries>
  );
}

/** Nothing is drawn where a number is not one. */
function finite(frame) {
  const fields = frame.fields.map((field) =>
    field.type === FieldType.number
      ? { ...field, values: field.values.map((value) => (Number.isFinite(value) ? value : null)) }
      : field,
  );
  return { ...frame, fields };
}

function drawMarks(plot, marks) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height + 8);
  ctx.clip();
  for (const { from, to, color } of marks) {
    const [left, right] = [from, to ?? from].map((at) => Math.round(plot.valToPos(at, "x", true)) + 0.5);
    const [top, bottom] = [bbox.top, bbox.top + bbox.height];
    ctx.strokeStyle = ctx.fillStyle = color;
    ctx.setLineDash([5, 5]);
    ctx.beginPath();
    for (const x of new Set([left, right])) (ctx.moveTo(x, top), ctx.lineTo(x, bottom));
    ctx.stroke();
    if (right > left) {
      ctx.fillRect(left, bottom, right - left, 5);
      ctx.globalAlpha = 0.1;
      ctx.fillRect(left, top, right - left, bottom - top);
      ctx.globalAlpha = 1;
    } else {
      ctx.beginPath();
      ctx.moveTo(left, bottom);
      ctx.lineTo(left - 5, bottom + 6);
      ctx.lineTo(left + 5, bottom + 6);
      ctx.fill();
    }
  }
  ctx.restore();
}
