/** Upload sessions: started, continued in order, finished with a digest or given up. */
import { randomUUID } from 'node:crypto';
import { algorithmOf, isRegisteredDigest, type DigestAlgorithm, type RegisteredDigest } from '../oci/digest.ts';
import type { Exchange } from './request-exchange.ts';
import { Ingest } from './directory/ingest.ts';
import { parseChunkRange } from './ranges.ts';
import { Refusal } from './client-refusal.ts';
import { Repository } from './directory/repository-links.ts';
import { isRepositoryName, parseDigestOrRefuse } from './route.ts';
import type { Storage } from './directory/storage.ts';

/** Sessions open at a time. */
const MAX_SESSIONS = 10_000;
/** A session that was not used for so long is given up. */
const MAX_IDLE_MS = 60 * 60 * 1000;

interface Session {
  readonly id: string;
  readonly name: string;
  readonly ingest: Ingest;
  /** Settles when the latest request on this session is done: requests on one session take turns. */
  turn: Promise<unknown>;
  isBusy: boolean;
  touchedAt: number;
}

/**
 * The open uploads of one registry. They live in memory: a restart forgets them, and their files with them.
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-blobs
 */
export class Uploads {
  readonly #storage: Storage;
  readonly #nowMs: () => number;
  readonly #maxSessions: number;
  readonly #sessions = new Map<string, Session>();

  /** The clock by which sessions are idle, and how many may be open, can be others than usual. */
  constructor(storage: Storage, nowMs: () => number = Date.now, maxSessions: number = MAX_SESSIONS) {
    this.#storage = storage;
    this.#nowMs = nowMs;
    this.#maxSessions = maxSessions;
  }

  /** POST: mounts, takes a whole blob at once, or starts a session. */
  async start(name: string, exchange: Exchange): Promise<void> {
    const { query } = exchange;
    const mount = query.get('mount');
    if (isRegisteredDigest(mount) && (await this.#mount(name, mount, query.get('from')))) {
      return sendStored(name, mount, exchange);
    }
    const digest = query.get('digest');
    const expected = digest === null ? undefined : parseDigestOrRefuse(digest);
    const algorithm = expected === undefined ? parseAlgorithm(query.get('digest-algorithm')) : algorithmOf(expected);
    const session = await this.#createSession(name, algorithm);
    if (expected === undefined) return sendProgress(202, session, exchange);
    try {
      await this.#takeTurn(session, () => this.#finish(session, expected, exchange));
    } finally {
      // The client was never told where the session is and cannot continue it.
      await this.#drop(session);
    }
  }

  /** PATCH: appends a chunk. */
  async append(name: string, id: string, exchange: Exchange): Promise<void> {
    const session = this.#session(name, id);
    await this.#takeTurn(session, async () => {
      await this.#receive(session, exchange);
      sendProgress(202, session, exchange);
    });
  }

  /** PUT: appends the last chunk, if any, and stores the blob. */
  async finish(name: string, id: string, exchange: Exchange): Promise<void> {
    const session = this.#session(name, id);
    const digest = parseDigestOrRefuse(exchange.query.get('digest') ?? '');
    await this.#takeTurn(session, () => this.#finish(session, digest, exchange));
  }

  /** GET: how far the upload is. */
  async report(name: string, id: string, exchange: Exchange): Promise<void> {
    const session = this.#session(name, id);
    await this.#takeTurn(session, async () => sendProgress(204, session, exchange));
  }

  /** DELETE: gives the upload up. */
  async cancel(name: string, id: string, exchange: Exchange): Promise<void> {
    const session = this.#session(name, id);
    await this.#takeTurn(session, async () => {
      await this.#drop(session);
      exchange.send(204);
    });
  }

  async #mount(name: string, digest: RegisteredDigest, from: string | null): Promise<boolean> {
    if (from === null || !isRepositoryName(from)) return false;
    if (!(await new Repository(this.#storage, from).hasBlob(digest))) return false;
    if ((await this.#storage.contentSize(digest)) === undefined) return false;
    await new Repository(this.#storage, name).linkBlob(digest);
    return true;
  }

  async #finish(session: Session, digest: RegisteredDigest, exchange: Exchange): Promise<void> {
    await this.#receive(session, exchange);
    this.#sessions.delete(session.id);
    try {
      await session.ingest.commit(digest);
    } finally {
      await session.ingest.discard();
    }
    await new Repository(this.#storage, session.name).linkBlob(digest);
    sendStored(session.name, digest, exchange);
  }

  /** Appends the request's body. When the client goes away, what came stays and can be continued. */
  async #receive(session: Session, exchange: Exchange): Promise<void> {
    const header = exchange.request.headers['content-range'];
    const expected = header === undefined ? undefined : expectedLength(header, session, exchange);
    const before = session.ingest.size;
    try {
      await session.ingest.append(exchange.body());
    } finally {
      if (session.ingest.isBroken) await this.#drop(session);
    }
    const received = session.ingest.size - before;
    if (expected !== undefined && received !== expected) {
      await this.#drop(session);
      throw new Refusal('SIZE_INVALID', `Content-Range promised ${expected} bytes, ${received} came`);
    }
  }

  async #createSession(name: string, algorithm: DigestAlgorithm): Promise<Session> {
    const now = this.#nowMs();
    for (const session of this.#sessions.values()) {
      if (!session.isBusy && now - session.touchedAt > MAX_IDLE_MS) await this.#drop(session);
    }
    if (this.#sessions.size >= this.#maxSessions) throw new Refusal('TOOMANYREQUESTS', 'too many open uploads');
    const ingest = new Ingest(this.#storage, algorithm);
    const session = { id: randomUUID(), name, ingest, turn: Promise.resolve(), isBusy: false, touchedAt: now };
    this.#sessions.set(session.id, session);
    return session;
  }

  #session(name: string, id: string): Session {
    const session = this.#sessions.get(id);
    if (session?.name === name) return session;
    throw new Refusal('BLOB_UPLOAD_UNKNOWN', 'no such upload: it ended, or the registry was restarted');
  }

  async #takeTurn(session: Session, call: () => Promise<void>): Promise<void> {
    const turn = session.turn.then(async () => {
      // The request before this one may have ended the upload.
      this.#session(session.name, session.id);
      session.isBusy = true;
      try {
        await call();
      } finally {
        session.isBusy = false;
        session.touchedAt = this.#nowMs();
      }
    });
    session.turn = turn.catch(() => undefined);
    await turn;
  }

  async #drop(session: Session): Promise<void> {
    this.#sessions.delete(session.id);
    await session.ingest.discard();
  }
}

/** The algorithm that a client announces. @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#post-then-put */
function parseAlgorithm(text: string | null): DigestAlgorithm {
  if (text === null || text === 'sha256' || text === 'sha512') return text ?? 'sha256';
  throw new Refusal('DIGEST_INVALID', 'digests are sha256 or sha512 here', {
    detail: { 'digest-algorithm': text.slice(0, 100) },
  });
}

/** Checks that a chunk starts where the last one ended. */
function expectedLength(header: string, session: Session, exchange: Exchange): number {
  const range = parseChunkRange(header);
  if (range === undefined) throw new Refusal('BLOB_UPLOAD_INVALID', 'Content-Range is not <first>-<last>');
  if (range.first !== session.ingest.size) {
    throw new Refusal('BLOB_UPLOAD_INVALID', 'chunk out of order', { status: 416, headers: progressOf(session) });
  }
  const length = range.last - range.first + 1;
  if ((exchange.contentLength ?? length) !== length) {
    throw new Refusal('SIZE_INVALID', 'Content-Range and Content-Length disagree');
  }
  return length;
}

/** `Range` ends at the last byte held; like every registry, an empty session says `0-0`. */
function progressOf(session: Session): Record<string, string> {
  return {
    Location: `/v2/${session.name}/blobs/uploads/${session.id}`,
    Range: `0-${Math.max(session.ingest.size - 1, 0)}`,
    'Docker-Upload-Uuid': session.id,
  };
}

function sendProgress(status: 202 | 204, session: Session, exchange: Exchange): void {
  exchange.send(status, progressOf(session));
}

function sendStored(name: string, digest: RegisteredDigest, exchange: Exchange): void {
  exchange.send(201, { Location: `/v2/${name}/blobs/${digest}`, 'Docker-Content-Digest': digest });
}
