// A panel: Grafana's frame around what is drawn for its type.
import { renderMarkdown } from "@grafana/data";
import { Icon, PanelChrome, useTheme2 } from "@grafana/ui";

import { Graph } from "./graph.jsx";
import { Grid } from "./grid.jsx";
import { Heat } from "./heat.jsx";
import { Timeline } from "./timeline.jsx";
import { Bars, Gauges, Numbers } from "./values.jsx";

const TYPES = {
  timeseries: { Drawn: Graph },
  stat: { Drawn: Numbers, always: true },
  gauge: { Drawn: Gauges, always: true },
  bargauge: { Drawn: Bars, always: true },
  table: { Drawn: Grid, always: false },
  text: { Drawn: Prose, always: true },
  "state-timeline": { Drawn: Timeline, own: true },
  "status-history": { Drawn: Timeline, own: true },
  heatmap: { Drawn: Heat, own: true },
};
const UNKNOWN = {
  Drawn: ({ panel }) => <Problem>{`Panels of type ${panel.type} are not drawn here.`}</Problem>,
  always: true,
  own: true,
};

export function Panel({ panel, data, errors, exemplars, width, height, ...context }) {
  if (panel.type === "row") return <Row title={panel.title} />;
  const { Drawn, own, always } = TYPES[panel.type] ?? UNKNOWN;
  const empty = !always && !data.some((frame) => frame.length > 0);
  const body = (inner) => {
    if (errors.length) return <Problem>{errors.join("\n")}</Problem>;
    if (empty) return <Empty text={panel.fieldConfig?.defaults?.noValue ?? "No data"} />;
    return <Drawn panel={panel} data={data} exemplars={exemplars} {...context} {...inner} />;
  };
  return (
    <>
      <PanelChrome
        title={panel.title}
        description={panel.description}
        hoverHeader={!panel.title}
        displayMode={panel.transparent ? "transparent" : "default"}
        padding="md"
        width={width}
        height={height}
        statusMessage={errors[0]}
      >
        {(innerWidth, innerHeight) => body({ width: innerWidth, height: innerHeight })}
      </PanelChrome>
      {own && <Own />}
    </>
  );
}

function Own() {
  const theme = useTheme2();
  const style = {
    position: "absolute",
    right: 8,
    top: 8,
    fontSize: 10,
    lineHeight: 1,
    color: theme.colors.text.disabled,
  };
  return <span style={style}>drawn by our own code</span>;
}

function Row({ title }) {
  const theme = useTheme2();
  return (
    <div
      style={{ ...theme.typography.h5, display: "flex", alignItems: "center", gap: 8, height: "100%", fontWeight: 500 }}
    >
      <Icon name="angle-down" />
      {title}
    </div>
  );
}

function Centred({ color, children }) {
  const style = {
    display: "flex",
    height: "100%",
    alignItems: "center",
    justifyContent: "center",
    whiteSpace: "pre-wrap",
    color,
  };
  return <div style={style}>{children}</div>;
}

const Empty = ({ text }) => <Centred color={useTheme2().colors.text.secondary}>{text}</Centred>;
const Problem = ({ children }) => <Centred color={useTheme2().colors.error.text}>{children}</Centred>;

function Prose({ panel, replaceVariables }) {
  const html = renderMarkdown(replaceVariables(panel.options?.content ?? ""));
  return <div className="markdown-html" dangerouslySetInnerHTML={{ __html: html }} />;
}
