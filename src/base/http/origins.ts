/** How each origin is connected to: its authorities and client certificate, and the proxy on the way. */
import { createSecureContext, type SecureContext } from 'node:tls';
import { proxyFor, type Environment } from './proxy.ts';
import { readTlsFiles } from './tls-files.ts';

/** Where connection settings come from. */
export interface OriginOptions {
  /** Proxies and the home directory are looked up here; `process.env` fits. */
  readonly environment: Environment;
  /** PEM file of authorities to trust beside the system's. */
  readonly caFile?: string | undefined;
  /** Replaces the standard `certs.d` directories. */
  readonly certsDirectories?: readonly string[] | undefined;
  /** Accepts any certificate of this host (`host[:port]`). */
  readonly insecureHost?: string | undefined;
}

/** TLS settings of one origin, shared by all its connections. */
export interface OriginTls {
  readonly secureContext: SecureContext;
  readonly rejectUnauthorized: boolean;
}

/** Connection settings, read when first needed. */
export class Origins {
  readonly #options: OriginOptions;
  readonly #tls = new Map<string, OriginTls>();

  constructor(options: OriginOptions) {
    this.#options = options;
  }

  /** TLS settings of an origin; undefined for plain HTTP. @throws UsageError `USAGE` for files that cannot be read. */
  tlsOf(url: URL): OriginTls | undefined {
    if (url.protocol !== 'https:') return undefined;
    const known = this.#tls.get(url.host);
    if (known !== undefined) return known;
    const { environment, caFile, certsDirectories, insecureHost } = this.#options;
    const files = readTlsFiles(url.host, { environment, caFile, certsDirectories });
    const tls: OriginTls = {
      // Made once: reading a few hundred authorities takes longer than a handshake.
      secureContext: createSecureContext({ ca: [...files.ca], cert: files.cert, key: files.key }),
      rejectUnauthorized: insecureHost !== url.host,
    };
    this.#tls.set(url.host, tls);
    return tls;
  }

  /** The proxy that requests to this URL go through. */
  proxyOf(url: URL): URL | undefined {
    return proxyFor(url, this.#options.environment);
  }
}
