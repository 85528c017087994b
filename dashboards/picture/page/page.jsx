// draw(what Python found) -> height of the page once all of it is drawn; `light` for the other theme.
import { createTheme, dateTime, EventBusSrv, ThemeContext } from "@grafana/data";
import { GlobalStyles, PanelContextProvider } from "@grafana/ui";
import { createRoot } from "react-dom/client";

import { shown } from "./fields.js";
import { frames } from "./frames.js";
import { Header } from "./header.jsx";
import { Panel } from "./panel.jsx";
import { replacer } from "./variables.js";

// Of Grafana's grid: columns, height of a cell, and the gap, in pixels.
const [COLUMNS, CELL, GAP] = [24, 30, 8];
const eventBus = new EventBusSrv();

function place({ x, y, w, h }, width) {
  const column = (width - GAP * (COLUMNS - 1)) / COLUMNS;
  return {
    left: x * (column + GAP),
    top: y * (CELL + GAP),
    width: w * column + (w - 1) * GAP,
    height: h * CELL + (h - 1) * GAP,
  };
}

async function content(panel, found, context) {
  const answers = found.results[panel.id] ?? {};
  const errors = Object.values(answers).flatMap((answer) => answer.error ?? []);
  const exemplars = Object.values(answers).flatMap((answer) => answer.exemplars ?? []);
  const data = await shown(panel, frames(panel, answers), context);
  return { panel, data, errors, exemplars };
}

window.draw = async (found, light = false) => {
  const theme = createTheme({ colors: { mode: light ? "light" : "dark" } });
  const { dashboard } = found;
  const context = { theme, timeZone: "utc", replaceVariables: replacer(found.values) };
  const range = { from: dateTime(found.from), to: dateTime(found.to) };
  range.raw = range;
  const all = dashboard.panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]);
  const contents = await Promise.all(all.map((panel) => content(panel, found, context)));
  const width = document.documentElement.clientWidth - 2 * 16;
  const bottom = Math.max(...all.map(({ gridPos }) => gridPos.y + gridPos.h)) * (CELL + GAP);
  await document.fonts.load("14px Inter");
  await document.fonts.load("500 14px Inter");
  await new Promise((drawn, failed) => {
    addEventListener("error", ({ error, message }) => failed(error ?? message));
    createRoot(document.getElementById("page")).render(
      <ThemeContext.Provider value={theme}>
        <GlobalStyles />
        <PanelContextProvider value={{ eventBus, eventsScope: "global", sync: () => 0 }}>
          <Header dashboard={dashboard} range={range} found={found} />
          <main ref={drawn} style={{ position: "relative", margin: "0 16px", height: bottom }}>
            {contents.map((one) => {
              const at = place(one.panel.gridPos, width);
              return (
                <div key={one.panel.id} id={`panel-${one.panel.id}`} style={{ position: "absolute", ...at }}>
                  <Panel
                    {...one}
                    {...context}
                    range={range}
                    marks={found.annotations}
                    width={at.width}
                    height={at.height}
                  />
                </div>
              );
            })}
          </main>
          <Footer theme={theme} />
        </PanelContextProvider>
      </ThemeContext.Provider>,
    );
  });
  // Legends and tables measure themselves and are drawn again; icons are fetched.
  for (let turn = 0; turn < 20; turn++) await new Promise((next) => setTimeout(next, 25));
  return document.getElementById("page").scrollHeight;
};

function Footer({ theme }) {
  const style = { padding: "4px 16px 12px", ...theme.typography.bodySmall, color: theme.colors.text.disabled };
  return (
    <footer style={style}>
      Drawn without a Grafana server, by Grafana’s published components (@grafana/ui, @grafana/data) from a live
      Prometheus; header, rows, annotations and what is labelled so by our own code.
    </footer>
  );
}
