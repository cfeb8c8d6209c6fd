/** Where something of a cluster is reached from others: `https://api.core.internal`, `tcp://db.core.internal:5432`. */
import { UsageError } from '../../errors.ts';

/** Ports where none is written. */
const PORTS: Readonly<Record<string, number>> = { https: 443, http: 80 };
const ENDPOINT =
  /^(https|http|tcp):\/\/([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)(?::([1-9][0-9]{0,4}))?(\/[A-Za-z0-9._~/-]*)?$/;
const MAX_PORT = 65_535;

/** One endpoint. */
export interface Endpoint {
  readonly protocol: 'https' | 'http' | 'tcp';
  /** A name or an IPv4 address. */
  readonly host: string;
  readonly port: number;
  /** As written. */
  readonly text: string;
}

/** Reads an endpoint. @throws UsageError `USAGE` saying how it is written */
export function parseEndpoint(text: string): Endpoint {
  const [, protocol = '', host = '', written] = ENDPOINT.exec(text) ?? [];
  const port = written === undefined ? PORTS[protocol] : Number(written);
  if (port === undefined || port > MAX_PORT) {
    throw new UsageError(
      'USAGE',
      `"${text.slice(0, 100)}" is no endpoint (write it as https://host, http://host:8080 or tcp://host:5432)`,
    );
  }
  return { protocol: protocol as Endpoint['protocol'], host, port, text };
}
