// The time axis below what we draw ourselves, with ticks at round times.
import { useTheme2 } from "@grafana/ui";
import { scaleUtc, utcFormat } from "d3";

export const AXIS = 24;
const [APART, LABEL] = [110, 50];

export const across = (range, left, right) => scaleUtc([range.from.valueOf(), range.to.valueOf()], [left, right]);

export function TimeAxis({ x, top, height }) {
  const theme = useTheme2();
  const [from, to] = x.domain();
  const [left, right] = x.range();
  const ticks = x.ticks(Math.max(2, Math.floor((right - left) / APART)));
  const format = utcFormat(to - from < 15 * 60_000 ? "%H:%M:%S" : "%H:%M");
  return ticks.map((tick) => (
    <g key={+tick}>
      <line x1={x(tick)} x2={x(tick)} y1={top} y2={top + height} stroke={theme.colors.border.weak} />
      <text x={x(tick)} y={top + height + 16} textAnchor="middle" fontSize={12} fill={theme.colors.text.primary}>
        {x(tick) + LABEL / 2 < right + 4 ? format(tick) : ""}
      </text>
    </g>
  ));
}
