// Grafana's types of a dashboard as its JSON has them: enums are their values, and each panel has its own type's options.
import type { Dashboard, DataSourceRef, FieldConfigSource, Panel, RowPanel } from "@grafana/schema";
import type * as bargauge from "./node_modules/@grafana/schema/dist/esm/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen";
import type * as heatmap from "./node_modules/@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen";
import type * as stat from "./node_modules/@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type * as statetimeline from "./node_modules/@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen";
import type * as table from "./node_modules/@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen";
import type * as text from "./node_modules/@grafana/schema/dist/esm/raw/composable/text/panelcfg/x/TextPanelCfg_types.gen";
import type * as timeseries from "./node_modules/@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";

type Plain<T> = 0 extends 1 & T
  ? T
  : unknown extends T
    ? T
    : T extends string
      ? string extends T
        ? string
        : `${T}`
      : T extends number
        ? `${T}` extends `${infer N extends number}`
          ? N
          : never
        : T extends boolean | null | undefined
          ? T
          : T extends readonly (infer E)[]
            ? Plain<E>[]
            : T extends object
              ? { [K in keyof T]: Plain<T[K]> }
              : T;

// Of Prometheus' data source, which publishes no types of its own here.
interface Target {
  refId: string;
  datasource: { type: "prometheus"; uid: string };
  expr: string;
  legendFormat?: string;
  instant?: boolean;
  range?: boolean;
  exemplar?: boolean;
  format?: "time_series" | "table" | "heatmap";
  interval?: string;
}

type Own = "type" | "options" | "fieldConfig" | "targets";
interface Drawn<Type extends string, Options, Custom> extends Plain<Omit<Panel, Own>> {
  type: Type;
  options: Partial<Plain<Options>>;
  fieldConfig?: Plain<FieldConfigSource<Partial<Custom>>>;
  targets: Target[];
}
interface Written extends Plain<Omit<Panel, Own>> {
  type: "text";
  options: Partial<Plain<text.Options>>;
}

export type AnyPanel =
  | Drawn<"timeseries", timeseries.Options, timeseries.FieldConfig>
  | Drawn<"stat", stat.Options, object>
  | Drawn<"bargauge", bargauge.Options, object>
  | Drawn<"heatmap", heatmap.Options, heatmap.FieldConfig>
  | Drawn<"state-timeline", statetimeline.Options, statetimeline.FieldConfig>
  | Drawn<"table", table.Options, table.FieldConfig>
  | Written;

// What the schema leaves out: an interval's fields, which the SDK writes for every variable, and Prometheus' own of a mark.
type Variable = Plain<NonNullable<NonNullable<Dashboard["templating"]>["list"]>[number]>;
type Mark = Plain<NonNullable<NonNullable<Dashboard["annotations"]>["list"]>[number]>;
interface Marked {
  datasource: DataSourceRef;
  expr: string;
  titleFormat?: string;
  textFormat?: string;
  tagKeys?: string;
  step?: string;
  useValueForTime?: boolean;
}

export interface Board extends Plain<Omit<Dashboard, "panels" | "annotations" | "templating">> {
  panels: (AnyPanel | (Plain<Omit<RowPanel, "panels">> & { panels: AnyPanel[] }))[];
  annotations: { list: (Omit<Mark, "datasource"> & Marked)[] };
  templating: { list: (Variable & { auto?: boolean; auto_min?: string; auto_count?: number })[] };
}
