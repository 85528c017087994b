// node server.mjs DSN: an HTTP server whose /orders/ID fails; prints its port, serves two requests, flushes and ends.
import * as Sentry from "@sentry/node";

Sentry.init({ dsn: process.argv[2], release: "node@1.0.0", environment: "production", tracesSampleRate: 1.0 });
Sentry.setExtra("password", "canary-node");

const http = await import("node:http");

class OrderMissing extends Error {
  name = "OrderMissing";
}

function find(id) {
  throw new OrderMissing(`node: no order ${id} for jane.doe@example.com with card 4571 2345 6789 0111`);
}

let served = 0;
const server = http.createServer((request, response) => {
  try {
    find(request.url.split("/").pop());
  } catch (error) {
    Sentry.captureException(error);
    response.statusCode = 500;
    response.end("broken");
  }
  served += 1;
  if (served === 2) {
    setTimeout(async () => {
      await Sentry.flush(5000);
      process.exit(0);
    }, 100);
  }
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
