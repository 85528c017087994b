// What stands above the panels: where one is, for which time, the links, and the choice of variables.
import { dateTimeFormat } from "@grafana/data";
import { Icon, InlineSwitch, ToolbarButton, useTheme2 } from "@grafana/ui";

export function Header({ dashboard, range, found }) {
  const theme = useTheme2();
  const row = { display: "flex", gap: 8, alignItems: "center", flexWrap: "wrap" };
  const at = (time) => dateTimeFormat(time, { format: "YYYY-MM-DD HH:mm:ss", timeZone: "utc" });
  return (
    <header style={{ padding: "12px 16px 8px" }}>
      <div style={{ ...row, marginBottom: 12 }}>
        <Icon name="grafana" size="xl" style={{ color: theme.colors.warning.main }} />
        <span style={{ color: theme.colors.text.secondary }}>Dashboards</span>
        <Icon name="angle-right" />
        <h1 style={{ ...theme.typography.h4, margin: 0 }}>{dashboard.title}</h1>
        <span style={{ flexGrow: 1 }} />
        <ToolbarButton icon="clock-nine" variant="canvas">{`${at(range.from)} to ${at(range.to)} UTC`}</ToolbarButton>
        <ToolbarButton icon="sync" variant="canvas">
          {dashboard.refresh}
        </ToolbarButton>
      </div>
      <div style={row}>
        {(dashboard.templating?.list ?? [])
          .filter(({ hide }) => hide !== 2)
          .map((variable) => (
            <Choice key={variable.name} label={variable.label ?? variable.name} value={chosen(variable, found)} />
          ))}
        {found.annotations
          .filter(({ hide }) => !hide)
          .map(({ name, enable, error }) => (
            <div key={name} style={row}>
              <Label color={error && theme.colors.error.text}>{name}</Label>
              <InlineSwitch value={enable !== false} readOnly onChange={() => {}} />
            </div>
          ))}
        <span style={{ flexGrow: 1 }} />
        {(dashboard.links ?? []).map(({ title, type, icon, asDropdown }) => (
          <ToolbarButton
            key={title}
            variant="canvas"
            icon={type === "link" ? "external-link-alt" : "bars"}
            isOpen={asDropdown ? false : undefined}
          >
            {title}
          </ToolbarButton>
        ))}
      </div>
    </header>
  );
}

function chosen(variable, found) {
  if (variable.type === "datasource") return variable.current?.text || "Prometheus";
  const value = found.values[variable.name];
  return value && value !== ".*" ? value : [variable.current?.text ?? "All"].flat().join(" + ");
}

function Label({ children, color }) {
  const theme = useTheme2();
  const style = {
    ...theme.typography.bodySmall,
    fontWeight: 500,
    padding: "0 8px",
    lineHeight: "30px",
    color,
    background: theme.colors.background.primary,
    border: `1px solid ${theme.colors.border.weak}`,
    borderRadius: 2,
  };
  return <span style={style}>{children}</span>;
}

function Choice({ label, value }) {
  const theme = useTheme2();
  const style = {
    padding: "0 8px",
    lineHeight: "30px",
    minWidth: 72,
    display: "flex",
    gap: 8,
    alignItems: "center",
    justifyContent: "space-between",
    background: theme.components.input.background,
    border: `1px solid ${theme.components.input.borderColor}`,
    borderRadius: 2,
  };
  return (
    <div style={{ display: "flex" }}>
      <Label>{label}</Label>
      <span style={style}>
        {value}
        <Icon name="angle-down" />
      </span>
    </div>
  );
}
