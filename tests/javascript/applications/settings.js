// What every application is told in its page's address: ?dsn=…
const given = new URLSearchParams(location.search);

export const settings = {
  dsn: given.get("dsn"),
  environment: "production",
  tracesSampleRate: 1.0,
  user: undefined,
};

export function whenDone(Sentry) {
  Sentry.flush(5000).then(() => {
    document.title = "sent";
  });
}

export function secretive(name) {
  // What must not arrive: a card number and an address in the message, a password beside it.
  return `${name}: no such customer jane.doe@example.com with card 4571 2345 6789 0111`;
}
