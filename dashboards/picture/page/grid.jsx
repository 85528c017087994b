// table: Grafana's Table, with the first frame, as its panel shows where there are several.
import { Table } from "@grafana/ui";

import { fieldConfig } from "./fields.js";

export function Grid({ panel, data, range, replaceVariables, width, height }) {
  const options = { frameIndex: 0, showHeader: true, cellHeight: "sm", sortBy: [], ...panel.options };
  return (
    <Table
      ariaLabel={panel.title}
      data={data[options.frameIndex] ?? data[0]}
      width={width}
      height={height}
      noHeader={!options.showHeader}
      showTypeIcons={options.showTypeIcons}
      initialSortBy={options.sortBy}
      cellHeight={options.cellHeight}
      timeRange={range}
      fieldConfig={fieldConfig(panel)}
      getActions={() => []}
      replaceVariables={replaceVariables}
      resizable
    />
  );
}
