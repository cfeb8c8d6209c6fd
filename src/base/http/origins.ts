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
  /** The settings of the one server that is spoken to, where they are known: no file or variable of this machine counts. */
  readonly fixed?: FixedOrigin | undefined;
}

/** How a server is reached whose address came with everything that is needed, as in a kubeconfig. */
export interface FixedOrigin {
  /** Of the server: to others, such as a proxy on the way, nothing of this applies. */
  readonly origin: string;
  /** The only authorities that are trusted, in PEM. @defaultValue the system's */
  readonly ca?: string | undefined;
  /** The certificate of the client and its key, in PEM. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** The name that the server's certificate must be for, where it is not that of the address. */
  readonly serverName?: string | undefined;
  /** Accepts any certificate. @defaultValue false */
  readonly isInsecure?: boolean | undefined;
  /** The proxy on the way. @defaultValue that of the environment */
  readonly proxy?: URL | undefined;
}

/** TLS settings of one origin, shared by all its connections. */
export interface OriginTls {
  readonly secureContext: SecureContext;
  readonly rejectUnauthorized: boolean;
  /** Absent where it is that of the address. */
  readonly servername?: string;
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
    const { environment, caFile, certsDirectories, insecureHost, fixed } = this.#options;
    if (fixed?.origin === url.origin) {
      const own = fixedTls(fixed);
      this.#tls.set(url.host, own);
      return own;
    }
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
    const { fixed } = this.#options;
    return (fixed?.origin === url.origin ? fixed.proxy : undefined) ?? proxyFor(url, this.#options.environment);
  }
}

function fixedTls({ ca, cert, key, serverName, isInsecure = false }: FixedOrigin): OriginTls {
  const context = { ...(ca === undefined ? {} : { ca }), ...(cert === undefined ? {} : { cert, key }) };
  return {
    secureContext: createSecureContext(context),
    rejectUnauthorized: !isInsecure,
    ...(serverName === undefined ? {} : { servername: serverName }),
  };
}
