import * as Sentry from "@sentry/vue";
import { createApp } from "vue";
import { secretive, settings, whenDone } from "./settings.js";

class BasketError extends Error {
  name = "BasketError";
}

const app = createApp({
  template: "<button>pay</button>",
  mounted() {
    setTimeout(() => whenDone(Sentry), 100);
    throw new BasketError(secretive("vue"));
  },
});

Sentry.init({ app, ...settings, release: "vue@1.0.0" });
Sentry.setExtra("password", "canary-vue");
app.mount("#app");
