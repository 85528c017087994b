import * as Sentry from "@sentry/browser";
import { secretive, settings, whenDone } from "./settings.js";

Sentry.init({ ...settings, release: "browser@1.0.0" });
Sentry.setUser({ id: "7", email: "jane.doe@example.com" });
Sentry.setExtra("password", "canary-browser");

class CheckoutError extends Error {
  name = "CheckoutError";
}

function checkout() {
  throw new CheckoutError(secretive("browser"));
}

window.addEventListener("error", () => setTimeout(() => whenDone(Sentry), 50));
setTimeout(checkout, 10);
