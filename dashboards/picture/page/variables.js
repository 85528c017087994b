// Text with variables, as it is shown: those at the top of the dashboard, and of a link's row what its address needs.
import { formattedValueToString } from "@grafana/data";

const VARIABLE = /\$\{?(\w+(?:\.\w+|\["[^"]*"\])*)(?::\w+)?\}?/g;

/** What is not known stays as it is. */
export const replacer = (values) => (text, scoped, format) =>
  String(text).replace(VARIABLE, (all, name) => {
    const found = values[name] ?? cell(scoped?.__dataContext?.value, name) ?? scoped?.[name]?.value;
    if (found === undefined) return all;
    return format === "uriencode" ? encodeURIComponent(found) : found;
  });

/** `__value.text`, `__value.raw`, `__field.labels.x`, `__data.fields.x`, `__data.fields["x"]`. */
function cell(context, name) {
  if (!context) return undefined;
  const { frame, field, rowIndex = 0 } = context;
  const [of, first, second] = name.split(/\.|\["|"\]/);
  if (of === "__value") return text(field, rowIndex, first);
  if (of === "__field") return first === "labels" ? field.labels?.[second] : field.name;
  const column =
    of === "__data" && frame.fields.find(({ name, config }) => [name, config.displayName].includes(second));
  return column ? text(column, rowIndex) : undefined;
}

function text(field, row, what) {
  const value = field.values[row];
  return what === "raw" ? value : formattedValueToString(field.display(value));
}
