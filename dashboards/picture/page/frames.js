// Prometheus' answers as the data frames that Grafana's Prometheus data source makes of them.
import { FieldType, toDataFrame } from "@grafana/data";

const number = (text) => ({ NaN: NaN, "+Inf": Infinity, "-Inf": -Infinity })[text] ?? Number(text);
const samples = (series) => series.values ?? [series.value];

/** All frames of a panel, in the order of its targets. */
export function frames(panel, answers) {
  const targets = panel.targets ?? [];
  const tables = targets.filter((target) => target.format === "table").length;
  return targets.flatMap((target) => {
    const answer = answers[target.refId];
    if (!answer?.result) return [];
    const series = series_of(answer);
    if (target.format === "table") return series.length ? [table(target, series, tables)] : [];
    if (target.format === "heatmap") return series.length ? [buckets(target, series, answer.step)] : [];
    return series.map((one) => line(target, one, answer.step));
  });
}

function series_of(answer) {
  if (answer.kind === "scalar") return [{ metric: {}, value: answer.result }];
  return answer.result;
}

function line(target, series, step) {
  const { __name__: name, ...labels } = series.metric;
  const legend = legendOf(target, name, labels);
  return toDataFrame({
    refId: target.refId,
    name: legend,
    meta: { type: "timeseries-multi" },
    fields: [
      {
        name: "Time",
        type: FieldType.time,
        values: samples(series).map(([at]) => at * 1000),
        config: { interval: step && step * 1000 },
      },
      {
        name: "Value",
        type: FieldType.number,
        labels: series.metric,
        values: samples(series).map(([, value]) => number(value)),
        config: legend ? { displayNameFromDS: legend } : {},
      },
    ],
  });
}

/** As the data source's back end does: `__auto` leaves the name to the labels; without any, the query is the name. */
function legendOf(target, name, labels) {
  const format = target.legendFormat ?? "";
  const text = Object.entries(labels).map(([key, value]) => `${key}="${value}"`);
  if (format === "__auto") return text.length ? "" : target.expr;
  if (!format) return name || text.length ? `${name ?? ""}{${text.join(", ")}}` : target.expr;
  const all = { __name__: name, ...labels };
  return format.replace(/\{\{\s*(.+?)\s*\}\}/g, (_, label) => all[label] ?? "") || target.expr;
}

function table(target, series, tables) {
  const labels = [...new Set(series.flatMap((one) => Object.keys(one.metric)))].sort();
  const rows = series.flatMap((one) =>
    samples(one).map(([at, value]) => ({ ...one.metric, at: at * 1000, value: number(value) })),
  );
  return toDataFrame({
    refId: target.refId,
    meta: { preferredVisualisationType: "table" },
    fields: [
      { name: "Time", type: FieldType.time, values: rows.map((row) => row.at) },
      ...labels.map((label) => ({
        name: label,
        type: label === "le" ? FieldType.number : FieldType.string,
        values: rows.map((row) => (label === "le" ? number(row.le) : (row[label] ?? ""))),
        config: { filterable: true },
      })),
      {
        name: tables > 1 ? `Value #${target.refId}` : "Value",
        type: FieldType.number,
        values: rows.map((row) => row.value),
      },
    ],
  });
}

/** A field for each bucket of a histogram, by its bound, with what fell into it alone. */
function buckets(target, series, step) {
  const sorted = [...series].sort((a, b) => number(a.metric.le) - number(b.metric.le));
  const times = [...new Set(sorted.flatMap((one) => samples(one).map(([at]) => at * 1000)))].sort((a, b) => a - b);
  let below = times.map(() => 0);
  const fields = sorted.map((one) => {
    const by = new Map(samples(one).map(([at, value]) => [at * 1000, number(value)]));
    const upTo = times.map((at) => by.get(at) ?? null);
    const values = upTo.map((value, index) => (value === null ? null : Math.max(0, value - below[index])));
    below = upTo.map((value, index) => value ?? below[index]);
    return { name: one.metric.le, type: FieldType.number, values };
  });
  return toDataFrame({
    refId: target.refId,
    meta: { type: "heatmap-rows" },
    fields: [{ name: "Time", type: FieldType.time, values: times, config: { interval: step * 1000 } }, ...fields],
  });
}
