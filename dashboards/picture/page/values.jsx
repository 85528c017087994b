// stat, gauge and bargauge: Grafana's BigValue, Gauge and BarGauge, one for each series.
import { getDisplayValueAlignmentFactors, getFieldDisplayValues, VizOrientation } from "@grafana/data";
import { BarGauge, BigValue, Gauge, VizRepeater } from "@grafana/ui";

import { fieldConfig } from "./fields.js";

const REDUCED = { values: false, calcs: ["lastNotNull"], fields: "" };

function Repeated({
  panel,
  data,
  theme,
  timeZone,
  replaceVariables,
  width,
  height,
  sparkline = false,
  children,
  ...layout
}) {
  const reduceOptions = { ...REDUCED, ...panel.options?.reduceOptions };
  const getValues = () =>
    getFieldDisplayValues({
      fieldConfig: fieldConfig(panel),
      reduceOptions,
      replaceVariables,
      theme,
      data,
      sparkline,
      timeZone,
    });
  return (
    <VizRepeater
      source={data}
      getValues={getValues}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderValue={children}
      renderCounter={0}
      width={width}
      height={height}
      {...layout}
    />
  );
}

export function Numbers(props) {
  const { panel, theme, range } = props;
  const options = {
    graphMode: "area",
    colorMode: "value",
    justifyMode: "auto",
    textMode: "auto",
    wideLayout: true,
    ...panel.options,
  };
  const named = options.textMode === "auto" && panel.fieldConfig?.defaults?.displayName && !panel.title;
  const textMode = named ? "value_and_name" : options.textMode;
  return (
    <Repeated
      {...props}
      sparkline={options.graphMode !== "none"}
      itemSpacing={3}
      autoGrid
      orientation={options.orientation ?? VizOrientation.Auto}
    >
      {({ value, width, height, count, alignmentFactors }) => (
        <BigValue
          {...options}
          textMode={textMode}
          value={value.display}
          sparkline={value.sparkline && { ...value.sparkline, timeRange: range }}
          count={count}
          alignmentFactors={alignmentFactors}
          width={width}
          height={height}
          theme={theme}
        />
      )}
    </Repeated>
  );
}

/** A title is left out where there is one value alone, as the panel has one. */
const titled = (value, count) =>
  count === 1 && !value.hasLinks ? { ...value.display, title: undefined } : value.display;

export function Bars(props) {
  const { panel, theme } = props;
  const options = {
    displayMode: "gradient",
    showUnfilled: true,
    valueMode: "color",
    namePlacement: "auto",
    minVizWidth: 8,
    minVizHeight: 16,
    maxVizHeight: 300,
    ...panel.options,
  };
  const itemSpacing = options.displayMode === "lcd" ? 2 : 10;
  const { minVizWidth, minVizHeight, maxVizHeight } = options;
  return (
    <Repeated
      {...props}
      {...{ itemSpacing, minVizWidth, minVizHeight, maxVizHeight }}
      orientation={options.orientation ?? VizOrientation.Auto}
    >
      {({ value, width, height, count, orientation, alignmentFactors }) => (
        <BarGauge
          value={titled(value, count)}
          field={value.field}
          display={value.view?.getFieldDisplayProcessor(value.colIndex)}
          displayMode={options.displayMode}
          showUnfilled={options.showUnfilled}
          valueDisplayMode={options.valueMode}
          namePlacement={options.namePlacement}
          text={options.text}
          alignmentFactors={count > 1 ? alignmentFactors : undefined}
          itemSpacing={itemSpacing}
          orientation={orientation}
          width={width}
          height={height}
          theme={theme}
        />
      )}
    </Repeated>
  );
}

export function Gauges(props) {
  const { panel, theme } = props;
  const options = {
    showThresholdLabels: false,
    showThresholdMarkers: true,
    minVizWidth: 75,
    minVizHeight: 75,
    ...panel.options,
  };
  const { minVizWidth, minVizHeight } = options;
  return (
    <Repeated
      {...props}
      {...{ minVizWidth, minVizHeight }}
      itemSpacing={16}
      autoGrid
      orientation={options.orientation ?? VizOrientation.Auto}
    >
      {({ value, width, height, count }) => (
        <Gauge
          value={titled(value, count)}
          field={value.field}
          text={options.text}
          showThresholdLabels={options.showThresholdLabels}
          showThresholdMarkers={options.showThresholdMarkers}
          width={width}
          height={height}
          theme={theme}
        />
      )}
    </Repeated>
  );
}
