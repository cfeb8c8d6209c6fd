/** Puts one command on record: that it began, before anything of it can be seen, and how it ended. */
import { mkdir, readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import type { ArchiveReader } from '../../archive/reader/reader.ts';
import { AirgapError, ExitCode, exitCodeOf, inContext, StoreError, UsageError } from '../../errors.ts';
import { sha256 } from '../../oci/digest.ts';
import { appendEntry, type AuditRecord } from '../../site/audit/log.ts';
import type { TrustedRelease } from '../../archive/verification/trusted-archive.ts';
import type { AuditFacts, AuditOperator } from '../../site/audit/entry-schema.ts';
import type { RecordOptions } from '../options/audit-options.ts';
import { toCertificateIdentity } from '../../trust/signatures/identity.ts';
import type { Context } from '../context.ts';
import { codeOf, reasonOf } from '../output/failure.ts';
import type { Terms } from '../options/trust-options.ts';
import { VERSION } from '../version.ts';

/** Name of the log in the directory of a site's state. */
const LOG_FILE = 'audit.jsonl';
const MAX_TEXT = 4096;
const MAX_USER = 64;
/** What the kernel says of a process that belongs to no login session. */
const NO_LOGIN = 0xffff_ffff;

/** What a command is about. */
export interface TrailSubject {
  readonly action: AuditFacts['action'];
  /** The archive as it was named. */
  readonly archive: string;
  /** Without credentials. */
  readonly target?: string | undefined;
}

/** What of an archive got where. */
export type Goods = Pick<AuditFacts, 'images' | 'charts' | 'files'>;

/**
 * Finds out whether a command goes on record, and where: loads where there is a state or a log is named, everything else
 * where a log is named or an exception was asked for.
 * @throws UsageError when an operator is named and there is no log.
 */
export function openTrail(
  context: Context,
  { auditLog, operator }: RecordOptions,
  terms: Pick<Terms, 'state' | 'exceptionFor'>,
  subject: TrailSubject,
): AuditTrail {
  const { state, exceptionFor } = terms;
  const isRecorded = subject.action === 'load' || exceptionFor !== undefined;
  const path = auditLog ?? (isRecorded && state !== undefined ? join(state, LOG_FILE) : undefined);
  if (path === undefined && operator !== undefined) {
    throw new UsageError('USAGE', '--operator is for an audit log, and this goes on record in none', {
      hint: 'add --audit-log FILE; a load goes on record with --state DIR too',
    });
  }
  return new AuditTrail(context, path, auditLog === undefined, operator, subject);
}

/** The record of one command. Without a log it does nothing. */
export class AuditTrail {
  /** The log; undefined where nothing is put on record. */
  readonly path: string | undefined;
  readonly #context: Context;
  readonly #isOwnDirectory: boolean;
  readonly #operator: string | undefined;
  readonly #action: AuditFacts['action'];
  #facts: Omit<AuditFacts, 'at' | 'event' | 'action' | 'tool' | 'operator'>;
  #start: number | undefined;
  #isOver = false;

  constructor(
    context: Context,
    path: string | undefined,
    isOwnDirectory: boolean,
    operator: string | undefined,
    { action, archive, target }: TrailSubject,
  ) {
    this.path = path;
    this.#context = context;
    this.#isOwnDirectory = isOwnDirectory;
    this.#operator = operator;
    this.#action = action;
    const name = archive.slice(0, MAX_TEXT);
    this.#facts = { archive: { path: name }, ...(target === undefined ? {} : { target: target.slice(0, MAX_TEXT) }) };
  }

  /** The head of the archive was read; nobody has vouched for it yet. */
  saw({ head }: ArchiveReader): void {
    this.#facts = { ...this.#facts, archive: { ...this.#facts.archive, digest: sha256(head.checksums) } };
  }

  /** The archive is believed. */
  trusts(release: TrustedRelease): void {
    this.#facts = { ...this.#facts, ...describeRelease(release, this.#facts.archive.path) };
  }

  /** To be called before anything of it can be seen. @throws StoreError when that cannot be put on record */
  async begin(goods: () => Goods = () => ({})): Promise<void> {
    if (this.path === undefined) return;
    try {
      this.#start = (await this.#append(this.path, { event: 'started', ...goods() })).entry.sequence;
    } catch (error) {
      this.#isOver = true;
      throw inContext(error, 'nothing was done');
    }
  }

  /** To be called when everything is done. @throws StoreError when that cannot be put on record */
  async complete(goods: () => Goods = () => ({})): Promise<AuditRecord | undefined> {
    this.#isOver = true;
    if (this.path === undefined) return undefined;
    try {
      return await this.#append(this.path, { event: 'completed', ...goods(), exitCode: ExitCode.ok });
    } catch (error) {
      throw inContext(error, 'all was done, and its end is not on record; run the same command again');
    }
  }

  /** Does the work, and puts on record when it fails. Mistakes in a call that changed nothing are left out. */
  async cover<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw await this.#fail(error);
    }
  }

  async #fail(error: unknown): Promise<unknown> {
    const reason = reasonOf(error, this.#context.signal);
    const exitCode = exitCodeOf(reason);
    const isMistake = exitCode === ExitCode.usage && this.#start === undefined;
    if (this.path === undefined || this.#isOver || isMistake) return error;
    this.#isOver = true;
    try {
      const event = exitCode === ExitCode.untrusted ? 'refused' : 'failed';
      await this.#append(this.path, { event, exitCode, code: codeOf(reason) });
      return error;
    } catch (unwritten) {
      const what = `not on record, since ${unwritten instanceof Error ? unwritten.message : String(unwritten)}`;
      if (!(error instanceof AirgapError)) this.#context.output.note(what);
      return inContext(error, what);
    }
  }

  async #append(path: string, facts: Pick<AuditFacts, 'event' | 'exitCode' | 'code'> & Goods): Promise<AuditRecord> {
    if (this.#isOwnDirectory) await makeDirectory(dirname(path));
    const record = await appendEntry(path, {
      at: this.#context
        .now()
        .toISOString()
        .replace(/\.[0-9]{3}Z$/, 'Z'),
      action: this.#action,
      tool: VERSION,
      operator: await describeOperator(this.#context.env, this.#operator),
      ...(this.#start === undefined ? {} : { start: this.#start }),
      ...this.#facts,
      ...facts,
    });
    if (record.recovered !== undefined) {
      const { bytes } = record.recovered;
      this.#context.output.note(`the last line of ${path} was torn by a crash: ${bytes} bytes, now on record there`);
    }
    return record;
  }
}

/** Nothing is looked up: the name is the environment's, the numbers are the kernel's. */
async function describeOperator(env: Context['env'], stated: string | undefined): Promise<AuditOperator> {
  const user = (env['LOGNAME'] ?? env['USER'] ?? '').slice(0, MAX_USER);
  const uid = process.getuid?.();
  const login = Number(await readFile('/proc/self/loginuid', 'utf8').catch(() => NO_LOGIN));
  return {
    ...(stated === undefined ? {} : { stated }),
    ...(user === '' ? {} : { user }),
    ...(uid === undefined ? {} : { uid }),
    ...(Number.isInteger(login) && login !== NO_LOGIN ? { loginUid: login } : {}),
    host: hostname().slice(0, 255) || 'unknown',
  };
}

function describeRelease(release: TrustedRelease, path: string): Partial<AuditFacts> & Pick<AuditFacts, 'archive'> {
  const { inventory, digest, signers, trust, standing } = release;
  const { name: product, channel, version, sequence } = inventory;
  return {
    archive: { path, digest },
    release: { product, channel, version, ...(sequence === undefined ? {} : { sequence }) },
    signers: signers.map((signer) =>
      'keyId' in signer
        ? { kind: 'key', keyId: signer.keyId, algorithm: signer.algorithm }
        : { kind: 'identity', ...toCertificateIdentity(signer) },
    ),
    ...(trust === undefined ? {} : { trust: { version: trust.document.version, digest: trust.digest } }),
    standing: standing.kind,
    ...(standing.overrode.length === 0 ? {} : { exceptions: [...standing.overrode] }),
  };
}

async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new StoreError('STORE_IO', `the audit log cannot be kept in ${path}: ${why}`, { cause });
  }
}
