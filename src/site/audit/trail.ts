/** Puts one piece of work on record: that it began, before anything of it can be seen, and how it ended. */
import { dirname, join } from 'node:path';
import { makeDirectory } from '../../base/files/make-directory.ts';
import { hideSecrets } from '../../base/http/redact.ts';
import { onDisk } from '../../base/files/system-errors.ts';
import { formatUtcSeconds } from '../../base/utc-time.ts';
import type { TrustedRelease } from '../../archive/verification/acceptance.ts';
import { AirgapError, codeOf, ExitCode, exitCodeOf, inContext, reasonOf, UsageError } from '../../errors.ts';
import type { Digest } from '../../oci/digest.ts';
import { toCertificateIdentity } from '../../trust/signatures/identity.ts';
import { isLoading, type AuditFacts, type AuditOperator } from './entry-schema.ts';
import { appendEntry, type AuditRecord } from './log.ts';

/** Name of the log in the directory of a site's state. */
const LOG_FILE = 'audit.jsonl';
const MAX_TEXT = 4096;

/** What the site is told of the world around it. */
export interface SiteEnvironment {
  /** The clock. */
  readonly now: () => Date;
  /** Ends what is under way. */
  readonly signal: AbortSignal;
  /** Version of the program, for the log. */
  readonly tool: string;
  /** Who does it: see `describeOperator`. */
  readonly operator: AuditOperator;
  /** Told what is no failure and should be known all the same. */
  readonly onNote?: ((line: string) => void) | undefined;
}

/** What the record is of. */
export interface TrailSubject {
  readonly action: AuditFacts['action'];
  /** The archive as it was named. */
  readonly archive: string;
  /** Without credentials. */
  readonly target?: string | undefined;
  /** Directory of the site's state. */
  readonly state: string | undefined;
  /** The log, where it is not the one beside the state. */
  readonly log?: string | undefined;
  /** Whether a refusal may be set aside, which goes on record whatever the action. */
  readonly isExceptional: boolean;
}

/** What of an archive got where. */
export type AuditContent = Pick<AuditFacts, 'images' | 'charts' | 'files' | 'cluster'>;

/** A step of a longer work. */
export type AuditStep = NonNullable<AuditFacts['step']>;

/**
 * Finds out whether work goes on record, and where: loads where there is a state or a log is named, everything else
 * where a log is named or an exception was asked for.
 * @throws UsageError when the operator states a name and there is no log.
 */
export function openTrail(subject: TrailSubject, environment: SiteEnvironment): AuditTrail {
  const { action, state, log, isExceptional } = subject;
  const isRecorded = isLoading(action) || isExceptional;
  const path = log ?? (isRecorded && state !== undefined ? join(state, LOG_FILE) : undefined);
  if (path === undefined && environment.operator.stated !== undefined) {
    throw new UsageError('USAGE', '--operator is for the audit log, and this command writes none', {
      hint: 'add --audit-log FILE; a load is recorded with --state DIR too',
    });
  }
  return new AuditTrail(path, subject, environment);
}

/** The record of one piece of work. Without a log it does nothing. */
export class AuditTrail {
  /** The log; undefined where nothing is put on record. */
  readonly path: string | undefined;
  readonly #environment: SiteEnvironment;
  readonly #isOwnDirectory: boolean;
  readonly #action: AuditFacts['action'];
  #facts: Omit<AuditFacts, 'at' | 'event' | 'action' | 'tool' | 'operator'>;
  #start: number | undefined;
  #isOver = false;

  constructor(path: string | undefined, { action, archive, target, log }: TrailSubject, environment: SiteEnvironment) {
    this.path = path;
    this.#environment = environment;
    this.#isOwnDirectory = log === undefined;
    this.#action = action;
    const [name = '', place] = [archive, target].map((text) => text && hideSecrets(text).slice(0, MAX_TEXT));
    this.#facts = { archive: { path: name }, ...(place === undefined ? {} : { target: place }) };
  }

  /** The head of the archive was read; nothing vouches for it yet. @param digest Of `checksums.txt`. */
  opened(digest: Digest): void {
    this.#facts = { ...this.#facts, archive: { ...this.#facts.archive, digest } };
  }

  /** The archive is believed. */
  trusts(release: TrustedRelease): void {
    this.#facts = { ...this.#facts, ...describeRelease(release, this.#facts.archive.path) };
  }

  /** To be called before anything of it can be seen. @throws StoreError when that cannot be put on record */
  async begin(content: AuditContent): Promise<void> {
    if (this.path === undefined) return;
    try {
      this.#start = (await this.#append(this.path, { event: 'started', ...content })).entry.sequence;
    } catch (error) {
      this.#isOver = true;
      throw inContext(error, 'nothing was done');
    }
  }

  /** A step is done. @throws StoreError when that cannot be put on record */
  async step(step: AuditStep): Promise<void> {
    if (this.path === undefined) return;
    await this.#append(this.path, { event: 'step', step });
  }

  /**
   * To be called when everything is done.
   * @param shortfall with which the program ends all the same
   * @throws StoreError when that cannot be put on record
   */
  async complete(content: AuditContent, shortfall?: AirgapError): Promise<AuditRecord | undefined> {
    this.#isOver = true;
    if (this.path === undefined) return undefined;
    try {
      const ending = shortfall === undefined ? {} : { code: shortfall.code };
      const exitCode = shortfall === undefined ? ExitCode.ok : exitCodeOf(shortfall);
      return await this.#append(this.path, { event: 'completed', ...content, exitCode, ...ending });
    } catch (error) {
      throw inContext(error, 'everything was done, but its end could not be recorded; run the same command again');
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
    const reason = reasonOf(error, this.#environment.signal);
    const exitCode = exitCodeOf(reason);
    const isMistake = exitCode === ExitCode.usage && this.#start === undefined;
    if (this.path === undefined || this.#isOver || isMistake) return error;
    this.#isOver = true;
    try {
      const event = exitCode === ExitCode.untrusted ? 'refused' : 'failed';
      await this.#append(this.path, { event, exitCode, code: codeOf(reason) });
      return error;
    } catch (unwritten) {
      const what = `not recorded (${unwritten instanceof Error ? unwritten.message : String(unwritten)})`;
      if (!(error instanceof AirgapError)) this.#environment.onNote?.(what);
      return inContext(error, what);
    }
  }

  async #append(
    path: string,
    facts: Pick<AuditFacts, 'event' | 'exitCode' | 'code' | 'step'> & AuditContent,
  ): Promise<AuditRecord> {
    const { now, tool, operator, onNote } = this.#environment;
    if (this.#isOwnDirectory) {
      const directory = dirname(path);
      await onDisk(`the audit log cannot be kept in ${directory}`, () => makeDirectory(directory));
    }
    const at = formatUtcSeconds(now());
    const start = this.#start === undefined ? {} : { start: this.#start };
    const record = await appendEntry(path, {
      ...{ at, action: this.#action, tool, operator },
      ...start,
      ...this.#facts,
      ...facts,
    });
    if (record.recovered !== undefined) {
      onNote?.(`the last line of ${path} was torn by a crash: ${record.recovered.bytes} bytes, now on record there`);
    }
    return record;
  }
}

function describeRelease(release: TrustedRelease, path: string): Partial<AuditFacts> & Pick<AuditFacts, 'archive'> {
  const { inventory, digest, signers, trust, rollback } = release;
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
    rollback: rollback.kind,
    ...(rollback.overrode.length === 0 ? {} : { exceptions: [...rollback.overrode] }),
  };
}
