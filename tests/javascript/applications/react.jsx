import * as Sentry from "@sentry/react";
import { createRoot } from "react-dom/client";
import { secretive, settings, whenDone } from "./settings.js";

Sentry.init({ ...settings, release: "react@1.0.0" });
Sentry.setExtra("password", "canary-react");

class CartError extends Error {
  name = "CartError";
}

function Cart() {
  throw new CartError(secretive("react"));
}

const fallback = () => {
  setTimeout(() => whenDone(Sentry), 50);
  return <p>broken</p>;
};

createRoot(document.getElementById("app")).render(
  <Sentry.ErrorBoundary fallback={fallback}>
    <Cart />
  </Sentry.ErrorBoundary>,
);
