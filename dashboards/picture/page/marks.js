// Annotations of Prometheus: moments and stretches of time, as Grafana's data source reads them from series.

export function marksOf(annotations, theme) {
  const enabled = annotations.filter(({ enable }) => enable !== false);
  return enabled.flatMap((annotation) => {
    const color = theme.visualization.getColorByName(annotation.iconColor ?? "red");
    return (annotation.result ?? []).flatMap((series) => {
      const times = annotation.useValueForTime
        ? [...new Set(series.values.map(([, value]) => Math.floor(Number(value))))].map((at) => ({ from: at }))
        : stretches(series.values, annotation.step * 1000);
      return times.filter(({ from, to }) => to !== 0 && from > 0).map((time) => ({ ...time, color }));
    });
  });
}

/** Samples other than 0 that follow each other without a gap are one. */
function stretches(values, step) {
  const found = [];
  for (const [at, value] of values) {
    const time = at * 1000;
    const last = found.at(-1);
    if (Number(value) === 0) continue;
    if (last && time - last.to <= step) last.to = time;
    else found.push({ from: time, to: time });
  }
  return found;
}
