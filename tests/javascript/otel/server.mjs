// An HTTP server that OpenTelemetry's SDK for Node instruments: argument 1 is how it exports, 2 where to, 3 its own port.
import { createRequire } from "node:module";
import { context, trace, SpanStatusCode } from "@opentelemetry/api";
import { OTLPTraceExporter as Grpc } from "@opentelemetry/exporter-trace-otlp-grpc";
import { OTLPTraceExporter as Json } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as Protobuf } from "@opentelemetry/exporter-trace-otlp-proto";
import { HttpInstrumentation } from "@opentelemetry/instrumentation-http";
import { NodeSDK } from "@opentelemetry/sdk-node";

const [, , how, url, port] = process.argv;
const exporters = {
  grpc: () => new Grpc({ url }),
  json: () => new Json({ url: `${url}/v1/traces` }),
  protobuf: () => new Protobuf({ url: `${url}/v1/traces`, compression: "gzip" }),
};
const sdk = new NodeSDK({
  serviceName: `node-${how}`,
  traceExporter: exporters[how](),
  instrumentations: [new HttpInstrumentation()],
});
sdk.start();

// Only what is required after the start is instrumented.
const http = createRequire(import.meta.url)("node:http");
const tracer = trace.getTracer("shop");

function ship(order) {
  tracer.startActiveSpan("ship", (span) => {
    try {
      throw new RangeError("an order of jane@example.com can't be shipped");
    } catch (error) {
      span.recordException(error);
      span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
      throw error;
    } finally {
      span.end();
    }
  });
}

const server = http.createServer((request, response) => {
  const served = trace.getSpan(context.active());
  try {
    if (request.url.startsWith("/orders/")) ship(request.url);
    response.statusCode = 200;
  } catch (error) {
    served.recordException(error);
    served.setStatus({ code: SpanStatusCode.ERROR });
    response.statusCode = 500;
  }
  response.end("ok");
});
server.listen(Number(port), "127.0.0.1");

// Not SIGTERM: the SDK has a handler of its own for that.
process.stdin.on("end", async () => {
  server.close();
  await sdk.shutdown();
  process.exit(0);
});
process.stdin.resume();
