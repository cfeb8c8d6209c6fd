/**
 * The order that keeps a site safe, for every verb: lock, admit, put on record, do, remember, put on record again,
 * receipt. A verb says what it would do and does it; when and whether is decided here.
 */
import { openSealedArchive } from '../archive/reader/reader.ts';
import type { TrustedRelease } from '../archive/verification/acceptance.ts';
import { acceptArchive, type TrustedArchive } from '../archive/verification/trusted-archive.ts';
import { verifyStream, type VerifiedRelease, type VerifyOptions } from '../archive/verification/verified-archive.ts';
import type { Bytes } from '../base/bytes.ts';
import type { IncompleteError } from '../errors.ts';
import { sha256 } from '../oci/digest.ts';
import { Admission, type SiteTerms } from './admission.ts';
import type { AuditRecord } from './audit/log.ts';
import { openTrail, type AuditContent, type AuditTrail, type SiteEnvironment } from './audit/trail.ts';
import { ReceiptWriter, type ReceiptRequest, type WrittenReceipt } from './receipts/receipt-writer.ts';

/** What is to be done with which archive, on which terms, and where that goes on record. */
export interface SiteRequest {
  /** What the audit log calls it. */
  readonly action: 'verify' | 'load' | 'deploy' | 'rollback' | 'extract';
  /** The archive as it was named. */
  readonly archive: string;
  /** Where its content goes, without credentials. */
  readonly target?: string | undefined;
  /** Whom to believe, and where the site remembers. */
  readonly terms: SiteTerms;
  /** Of a delta: paths of archives that have what it leaves out. @defaultValue none */
  readonly bases?: readonly string[] | undefined;
  /** Directories that hold parts of the archive or of its bases, beside their own. @defaultValue none */
  readonly parts?: readonly string[] | undefined;
  /** The audit log, where it is not the one beside the state. */
  readonly auditLog?: string | undefined;
  /** The receipt that the work leaves. */
  readonly receipt?: ReceiptRequest | undefined;
  /** Only say what would be done: nothing is locked, remembered or put on record. @defaultValue false */
  readonly isPlan?: boolean | undefined;
}

/** What was left of the work for others to read. */
export interface SiteRecord {
  /** The entry of the audit log that says it is complete; absent without a log. */
  readonly entry?: AuditRecord | undefined;
  /** The receipt; absent where none was asked for. */
  readonly receipt?: WrittenReceipt | undefined;
}

/** One thing that is done with an admitted release. */
export interface SiteWork<T> {
  /** What would get where, for the log, before anything can be seen; absent where the work makes nothing visible. */
  readonly planned?: (() => AuditContent) | undefined;
  /** Does it. @param onStep puts on record that a step of it is done, with how many things it changed */
  readonly act: (onStep: (name: string, changed: number) => Promise<void>) => Promise<T>;
  /** What got where, for the log. */
  readonly done?: ((outcome: T) => AuditContent) | undefined;
  /**
   * What falls short although all is done, for the log: its exit code is the one that the work ends with. To throw it is
   * the caller's, once everything else is reported.
   */
  readonly shortfall?: ((outcome: T) => IncompleteError | undefined) | undefined;
}

/** A release that the site admits, for as long as the work on it lasts. */
export class AdmittedRelease {
  /** Open, and believed under the terms of the site. */
  readonly archive: TrustedArchive;
  readonly #complete: Completion | undefined;

  /** @internal Made by {@link withAdmittedRelease} alone. */
  constructor(archive: TrustedArchive, completion: Completion | undefined) {
    this.archive = archive;
    this.#complete = completion;
  }

  /**
   * Does the work: that it begins goes on record before, what protects the site is remembered after, and that it is
   * complete goes on record last.
   * @throws StoreError when something of that cannot be written; the message says what was done.
   * @throws RangeError for a plan, which does nothing.
   */
  async perform<T>(work: SiteWork<T>): Promise<{ readonly outcome: T; readonly record: SiteRecord }> {
    if (this.#complete === undefined) throw new RangeError('a plan does nothing');
    return await performOnRecord(this.archive.release, this.#complete, work);
  }
}

interface Completion {
  readonly trail: AuditTrail;
  readonly admission: Admission;
  readonly receipt: ReceiptWriter | undefined;
}

/**
 * Opens an archive, decides whether the site admits it, and hands it to `work`. How that ends goes on record, whatever
 * it throws. When this returns or throws, the archive is closed and the site is free for the next.
 * @throws StoreError `LOCKED` while another process loads at this site. @throws TrustError, IntegrityError when the
 *   archive is refused. @throws UsageError when there is no such file, or a receipt without a log is asked for.
 */
export async function withAdmittedRelease<T>(
  request: SiteRequest,
  environment: SiteEnvironment,
  work: (admitted: AdmittedRelease) => Promise<T>,
): Promise<T> {
  const { terms, bases, parts, isPlan = false } = request;
  const { signal } = environment;
  const { trail, receipt } = await openRecord(request, environment);
  await using _receipt = receipt;
  const admitAndWork = async (): Promise<T> => {
    await using closing = new AsyncDisposableStack();
    const sealed = closing.use(await openSealedArchive(request.archive, { parts, signal }));
    trail.opened(sha256(sealed.seal.checksums));
    const admission = closing.use(await Admission.open(terms, isPlan ? 'plan' : request.action));
    const archive = closing.use(await acceptArchive(sealed, admission.acceptance, { signal, bases, parts }));
    trail.trusts(archive.release);
    return await work(new AdmittedRelease(archive, isPlan ? undefined : { trail, admission, receipt }));
  };
  return await (isPlan ? admitAndWork() : trail.cover(admitAndWork));
}

/**
 * Verifies an archive that comes as a stream, under what the site remembers. It cannot be loaded: whether to believe it
 * may be known only when it is over.
 * @throws as {@link withAdmittedRelease} does.
 */
export async function verifyAdmittedStream(
  request: SiteRequest & { readonly action: 'verify' },
  environment: SiteEnvironment,
  { content, name }: { readonly content: Bytes; readonly name: string },
  options: VerifyOptions = {},
): Promise<{ readonly outcome: VerifiedRelease; readonly record: SiteRecord }> {
  const { trail, receipt } = await openRecord(request, environment);
  await using _receipt = receipt;
  return await trail.cover(async () => {
    await using admission = await Admission.open(request.terms, request.action);
    const onTrusted = (release: TrustedRelease): void => {
      trail.trusts(release);
      options.onTrusted?.(release);
    };
    const release = await verifyStream(content, name, admission.acceptance, { ...options, onTrusted });
    return await performOnRecord(release, { trail, admission, receipt }, { act: async () => release });
  });
}

async function openRecord(
  { action, archive, target, terms, auditLog, receipt }: SiteRequest,
  environment: SiteEnvironment,
): Promise<Pick<Completion, 'trail' | 'receipt'>> {
  const isExceptional = terms.exceptionFor !== undefined;
  const trail = openTrail({ action, archive, target, state: terms.state, log: auditLog, isExceptional }, environment);
  return { trail, receipt: receipt && (await ReceiptWriter.open(receipt, trail.path)) };
}

async function performOnRecord<T>(
  release: TrustedRelease,
  { trail, admission, receipt }: Completion,
  { planned, act, done, shortfall }: SiteWork<T>,
): Promise<{ readonly outcome: T; readonly record: SiteRecord }> {
  if (planned !== undefined) await trail.begin(planned());
  const outcome = await act(async (name, changed) => await trail.step({ name, changed }));
  // What protects the site comes first; the record that the work is complete is the last word.
  await admission.remember(release);
  const entry = await trail.complete(done?.(outcome) ?? {}, shortfall?.(outcome));
  return { outcome, record: { entry, receipt: entry && (await receipt?.write(entry)) } };
}
