import "@angular/compiler";
import { Component, ErrorHandler, provideZonelessChangeDetection } from "@angular/core";
import { bootstrapApplication } from "@angular/platform-browser";
import * as Sentry from "@sentry/angular";
import { secretive, settings, whenDone } from "./settings.js";

Sentry.init({ ...settings, release: "angular@1.0.0" });
Sentry.setExtra("password", "canary-angular");

class OrderError extends Error {
  override name = "OrderError";
}

@Component({ selector: "app-root", template: "<p>{{ order() }}</p>" })
class AppRoot {
  order(): string {
    setTimeout(() => whenDone(Sentry), 100);
    throw new OrderError(secretive("angular"));
  }
}

bootstrapApplication(AppRoot, {
  providers: [
    provideZonelessChangeDetection(),
    { provide: ErrorHandler, useValue: Sentry.createErrorHandler({ showDialog: false }) },
  ],
}).catch(() => {});
