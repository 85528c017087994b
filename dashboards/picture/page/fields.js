// Units, mappings, thresholds and overrides onto frames, by Grafana’s own code, as a panel of the type has them.
import {
  FieldConfigOptionsRegistry,
  applyFieldOverrides,
  displayNameOverrideProcessor,
  identityOverrideProcessor,
  numberOverrideProcessor,
  standardTransformers,
  standardTransformersRegistry,
  transformDataFrame,
} from "@grafana/data";
import { cloneDeep, merge, pick, uniqBy } from "lodash";
import { firstValueFrom } from "rxjs";

const NUMBERS = ["min", "max", "decimals"];
const PLAIN = [
  "unit",
  "color",
  "mappings",
  "thresholds",
  "links",
  "noValue",
  "description",
  "filterable",
  "fieldMinMax",
];
const PALETTE = { color: { mode: "palette-classic" } };
const BY_VALUE = { color: { mode: "thresholds" } };
// What Grafana's plugins of these types set where a dashboard says nothing (their module.tsx, 11.6).
const FIRST = {
  timeseries: {
    ...PALETTE,
    custom: {
      drawStyle: "line",
      lineInterpolation: "linear",
      lineWidth: 1,
      fillOpacity: 0,
      gradientMode: "none",
      barAlignment: 0,
      barWidthFactor: 0.6,
      showPoints: "auto",
      pointSize: 5,
      spanNulls: false,
      insertNulls: false,
      axisPlacement: "auto",
      axisColorMode: "text",
      axisBorderShow: false,
      axisCenteredZero: false,
      scaleDistribution: { type: "linear" },
      stacking: { mode: "none", group: "A" },
      thresholdsStyle: { mode: "off" },
      hideFrom: { tooltip: false, viz: false, legend: false },
    },
  },
  table: { ...BY_VALUE, custom: { align: "auto", cellOptions: { type: "auto" }, inspect: false } },
  "state-timeline": { color: { mode: "continuous-GrYlRd" }, custom: { lineWidth: 0, fillOpacity: 70 } },
  "status-history": { ...BY_VALUE, custom: { lineWidth: 1, fillOpacity: 70 } },
};
const STEPS = {
  mode: "absolute",
  steps: [
    { value: null, color: "green" },
    { value: 80, color: "red" },
  ],
};

standardTransformersRegistry.setInit(() =>
  uniqBy(Object.values(standardTransformers), "id").map((transformation) => ({
    ...pick(transformation, "id", "name"),
    transformation,
  })),
);

function registry(config) {
  const custom = [config.defaults.custom ?? {}, ...config.overrides.map((rule) => customOf(rule))].flatMap(Object.keys);
  const item = (id, process) => ({ id, path: id, name: id, process, shouldApply: () => true, settings: {} });
  return new FieldConfigOptionsRegistry(() => [
    ...NUMBERS.map((id) => item(id, numberOverrideProcessor)),
    ...PLAIN.map((id) => item(id, identityOverrideProcessor)),
    item("displayName", displayNameOverrideProcessor),
    ...[...new Set(custom)].map((path) => ({
      ...item(`custom.${path}`, identityOverrideProcessor),
      path,
      isCustom: true,
    })),
  ]);
}

const customOf = (rule) =>
  Object.fromEntries(
    rule.properties
      .filter(({ id }) => id.startsWith("custom."))
      .map(({ id, value }) => [id.slice("custom.".length), value]),
  );

/** A threshold without a value stands for all below; JSON has no word for that number. */
function lowest(thresholds) {
  for (const step of thresholds?.steps ?? []) step.value ??= -Infinity;
}

export function fieldConfig(panel) {
  const config = cloneDeep({ defaults: {}, overrides: [], ...panel.fieldConfig });
  config.defaults = merge({ thresholds: undefined }, cloneDeep(FIRST[panel.type] ?? BY_VALUE), config.defaults);
  config.defaults.thresholds ??= cloneDeep(STEPS);
  lowest(config.defaults.thresholds);
  for (const rule of config.overrides)
    for (const { id, value } of rule.properties) if (id === "thresholds") lowest(value);
  return config;
}

/** The panel's transformations, then its fields' looks. */
export async function shown(panel, frames, { theme, timeZone, replaceVariables }) {
  const config = fieldConfig(panel);
  const context = { interpolate: (text) => text };
  const transformed = await firstValueFrom(transformDataFrame(panel.transformations ?? [], frames, context));
  return applyFieldOverrides({
    data: transformed,
    fieldConfig: config,
    fieldConfigRegistry: registry(config),
    replaceVariables,
    theme,
    timeZone,
  });
}
