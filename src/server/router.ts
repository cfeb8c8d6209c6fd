/** Brings each request to its handler and each failure to its answer. */
import { deleteBlob, sendBlob } from './blobs.ts';
import type { Exchange } from './request-exchange.ts';
import { sendCatalog, sendReferrers, sendTags } from './listings.ts';
import { deleteManifest, sendManifest, storeManifest } from './manifests.ts';
import { Refusal, toRefusal } from './client-refusal.ts';
import { parseRoute, type Route } from './route.ts';
import type { Storage } from './directory/storage.ts';
import type { Uploads } from './uploads.ts';

type Handler = () => Promise<void> | void;
type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
type Handlers = Readonly<Partial<Record<Method, Handler>>>;

/** What the handlers of one registry share. */
export interface RouterContext {
  readonly storage: Storage;
  readonly uploads: Uploads;
  readonly isReadOnly: boolean;
  readonly acceptSparseIndexes: boolean;
  /** Whether blobs, manifests and tags may be deleted. */
  readonly allowDelete: boolean;
  /** Told of every failure that is the registry's own. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** Answers one request; never rejects. */
export async function answer(exchange: Exchange, context: RouterContext): Promise<void> {
  try {
    const handlers = allowed(handlersOf(parseRoute(exchange.path), exchange, context), context);
    const handler = Object.hasOwn(handlers, exchange.method) ? handlers[exchange.method as Method] : undefined;
    if (handler === undefined) {
      throw new Refusal('UNSUPPORTED', `${exchange.method} is not supported here`, {
        headers: { Allow: context.isReadOnly ? 'GET, HEAD' : Object.keys(handlers).join(', ') },
      });
    }
    await handler();
  } catch (error) {
    if (exchange.isGone) return;
    const refusal = toRefusal(error);
    if (refusal !== error) context.onError?.(error);
    exchange.refuse(refusal);
  }
}

/** Nothing is deleted but an unfinished upload, unless that is allowed. */
function handlersOf(route: Route, exchange: Exchange, { storage, uploads, ...options }: RouterContext): Handlers {
  switch (route.kind) {
    case 'ping':
      return readable(() => exchange.sendJson({}));
    case 'catalog':
      return readable(() => sendCatalog(storage, exchange));
    case 'tags':
      return readable(() => sendTags(storage, route.name, exchange));
    case 'referrers':
      return readable(() => sendReferrers(storage, route.name, route.digest, exchange));
    case 'blob':
      return {
        ...readable(() => sendBlob(storage, route.name, route.digest, exchange)),
        ...deletable(options, () => deleteBlob(storage, route.name, route.digest, exchange)),
      };
    case 'manifest':
      return {
        ...readable(() => sendManifest(storage, route.name, route.reference, exchange)),
        PUT: () => storeManifest(storage, route.name, route.reference, options.acceptSparseIndexes, exchange),
        ...deletable(options, () => deleteManifest(storage, route.name, route.reference, exchange)),
      };
    case 'uploads':
      return { POST: () => uploads.start(route.name, exchange) };
    case 'upload':
      return {
        GET: () => uploads.report(route.name, route.id, exchange),
        PATCH: () => uploads.append(route.name, route.id, exchange),
        PUT: () => uploads.finish(route.name, route.id, exchange),
        DELETE: () => uploads.cancel(route.name, route.id, exchange),
      };
  }
}

function readable(handler: Handler): Handlers {
  return { GET: handler, HEAD: handler };
}

function deletable({ allowDelete }: Pick<RouterContext, 'allowDelete'>, handler: Handler): Handlers {
  return allowDelete ? { DELETE: handler } : {};
}

function allowed({ GET, HEAD, ...writing }: Handlers, { isReadOnly }: RouterContext): Handlers {
  const reading = { ...(GET === undefined ? {} : { GET }), ...(HEAD === undefined ? {} : { HEAD }) };
  return isReadOnly ? reading : { ...reading, ...writing };
}
