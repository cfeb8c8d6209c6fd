/** Decides whether a release may follow what a site has seen. Pure: the state and the time are given. */
import { formatUtcSeconds } from '../../base/utc-time.ts';
import { TrustError, type ErrorCode } from '../../errors.ts';
import type { Digest } from '../../oci/digest.ts';
import { MAX_EXCEPTIONS, type SiteState, type StateLine } from './site-state-schema.ts';
import type { TrustDocument } from '../documents/trust-document-schema.ts';
import { restoreTrust, type RootedTrust } from '../documents/trust-chain.ts';
import { matchesIdentity, type CertificateIdentity } from '../signatures/identity.ts';

/** A clock may run back this far between two loads, as clocks that are set do, without being called wrong. */
const CLOCK_TOLERANCE_MS = 10 * 60 * 1000;

/** What a release says of itself, verified by its signature. */
export interface ReleaseFacts {
  readonly product: string;
  readonly channel: string;
  readonly version: string;
  readonly sequence?: number | undefined;
  readonly expires?: string | undefined;
  /** Of `checksums.txt`. */
  readonly digest: Digest;
  /** Accepted key ids. */
  readonly signers: readonly string[];
  /** Accepted identities. */
  readonly identities?: readonly CertificateIdentity[] | undefined;
}

/** What a release is evaluated by, beside its signatures. */
export interface Circumstances {
  readonly now: Date;
  /** Absent: the site remembers nothing, and only what needs no memory is checked. */
  readonly state?: SiteState | undefined;
  readonly trust?: RootedTrust | undefined;
  /** The one release for which refusals are set aside, but for revocations and the floor. */
  readonly exceptionFor?: Digest | undefined;
}

/**
 * How a release stands to what the site knows. `unknown`: no state was given. `first`: nothing with a sequence was loaded
 * of this line before. `renewed`: what was loaded is revoked by now and no longer counts. `unnumbered`: the release has no sequence, so that older and newer cannot be told.
 */
export interface RollbackVerdict {
  readonly kind: 'unknown' | 'first' | 'renewed' | 'newer' | 'same' | 'unnumbered' | 'exception';
  /** Codes of the refusals an exception set aside. */
  readonly overrode: readonly ErrorCode[];
}

/** The line of a product and channel in a state. */
export function findLine(state: SiteState | undefined, product: string, channel: string): StateLine | undefined {
  return state?.lines.find((line) => line.product === product && line.channel === channel);
}

/** The trust a site pinned for a product and channel. */
export function pinnedTrust(line: StateLine | undefined): RootedTrust | undefined {
  return line?.trust && restoreTrust(line.trust.document, line.trust.digest, line.trust.history);
}

/** The time things expire by: a clock that was set back does not bring anything back to life. */
export function evaluationTime({ now, state }: Pick<Circumstances, 'now' | 'state'>): Date {
  const seen = state?.lastSeen === undefined ? 0 : Date.parse(state.lastSeen);
  return new Date(Math.max(now.getTime(), seen));
}

/**
 * Evaluates a release whose signatures were accepted.
 * @throws TrustError `SUBJECT_MISMATCH`, `REVOKED`, and `ROLLBACK` below the floor, which no exception helps;
 *   `CLOCK`, `EXPIRED`, `ROLLBACK`, `FORK`, which one for this very digest sets aside.
 */
export function evaluateRollback(release: ReleaseFacts, circumstances: Circumstances): RollbackVerdict {
  const { state, trust, exceptionFor } = circumstances;
  if (trust !== undefined) assertAllowed(release, trust.document);
  const refusals = [...clockRefusals(circumstances), ...expiryRefusals(release, circumstances)];
  const line = findLine(state, release.product, release.channel);
  const mark = currentMark(line, trust?.document);
  if (mark !== undefined) refusals.push(...markRefusals(release, mark));
  const [first] = refusals;
  if (first !== undefined && exceptionFor !== release.digest) throw refusalError(first, release, circumstances);
  if (first !== undefined) return { kind: 'exception', overrode: refusals.map(({ code }) => code) };
  const kind = ((): RollbackVerdict['kind'] => {
    if (state === undefined) return 'unknown';
    if (line?.last.digest === release.digest) return 'same';
    if (release.sequence === undefined) return 'unnumbered';
    if (mark === undefined) return line?.highest === undefined ? 'first' : 'renewed';
    return mark.digest === release.digest ? 'same' : 'newer';
  })();
  return { kind, overrode: [] };
}

/** The state after a release was loaded: marks only rise, but for the clock after an exception. */
export function advanceState(
  state: SiteState,
  release: ReleaseFacts,
  rollback: RollbackVerdict,
  { now, trust }: Pick<Circumstances, 'now' | 'trust'>,
): SiteState {
  const { product, channel, version, sequence, digest, signers, identities = [] } = release;
  const before = findLine(state, product, channel);
  const mark = currentMark(before, trust?.document);
  const isHigher = sequence !== undefined && (mark === undefined || sequence > mark.sequence);
  const by = { signers: [...signers], ...(identities.length === 0 ? {} : { identities: [...identities] }) };
  const highest = isHigher ? { sequence, digest, version, ...by } : mark;
  const line: StateLine = {
    product,
    channel,
    ...(highest === undefined ? {} : { highest }),
    last: { digest, version, ...(sequence === undefined ? {} : { sequence }), at: formatUtcSeconds(now) },
    ...(trust === undefined
      ? before?.trust && { trust: before.trust }
      : { trust: { document: trust.document, digest: trust.digest, history: [...trust.history] } }),
  };
  const others = state.lines.filter((each) => each !== before);
  const isClockReset = rollback.overrode.includes('CLOCK');
  return {
    stateVersion: 1,
    lastSeen: formatUtcSeconds(isClockReset ? now : evaluationTime({ now, state })),
    lines: [...others, line].sort((a, b) => (lineKey(a) < lineKey(b) ? -1 : 1)),
    exceptions: state.exceptions,
  };
}

/** The state with an exception on record. */
export function recordException(
  state: SiteState,
  release: ReleaseFacts,
  rollback: RollbackVerdict,
  { now, command }: { readonly now: Date; readonly command: string },
): SiteState {
  const { product, channel, digest, version } = release;
  const overrode = [...rollback.overrode];
  const exception = { at: formatUtcSeconds(now), command, product, channel, digest, version, overrode };
  return { ...state, exceptions: [...state.exceptions, exception].slice(-MAX_EXCEPTIONS) };
}

interface Refusal {
  readonly code: 'CLOCK' | 'EXPIRED' | 'ROLLBACK' | 'FORK';
  readonly message: string;
}

/** What no exception helps. */
function assertAllowed(release: ReleaseFacts, document: TrustDocument): void {
  const { product, channel, digest, sequence } = release;
  if (product !== document.product || channel !== document.channel) {
    throw new TrustError(
      'SUBJECT_MISMATCH',
      `the archive is a release of ${product}/${channel}; the trust document speaks for ${document.product}/${document.channel}`,
      { hint: 'give the trust document of this product and channel, or the intended archive' },
    );
  }
  if (document.revokedReleases.includes(digest)) {
    throw new TrustError(
      'REVOKED',
      `the release ${digest} is revoked by version ${document.version} of the trust document`,
      {
        hint: 'it must not be loaded; ask its maker for a newer one',
      },
    );
  }
  if (document.minSequence > 0 && (sequence ?? 0) < document.minSequence) {
    const own = sequence === undefined ? 'no sequence' : `sequence ${sequence}`;
    throw new TrustError('ROLLBACK', `the release has ${own}; ${document.minSequence} is the lowest that is accepted`, {
      hint:
        'version ' +
        String(document.version) +
        ' of the trust document sets this floor, and there is no exception to it',
    });
  }
}

function clockRefusals({ now, state }: Circumstances): Refusal[] {
  if (state?.lastSeen === undefined || now.getTime() >= Date.parse(state.lastSeen) - CLOCK_TOLERANCE_MS) return [];
  return [
    {
      code: 'CLOCK',
      message: `the clock says ${formatUtcSeconds(now)}, and this site has already seen ${state.lastSeen}`,
    },
  ];
}

function expiryRefusals(release: ReleaseFacts, { now, state, trust }: Circumstances): Refusal[] {
  const time = evaluationTime({ now, state }).getTime();
  const refusals: Refusal[] = [];
  if (trust !== undefined && time > Date.parse(trust.document.expires)) {
    const { version, expires } = trust.document;
    refusals.push({ code: 'EXPIRED', message: `version ${version} of the trust document expired at ${expires}` });
  }
  if (release.expires !== undefined && time > Date.parse(release.expires)) {
    refusals.push({ code: 'EXPIRED', message: `the release expired at ${release.expires}` });
  }
  return refusals;
}

function markRefusals(release: ReleaseFacts, mark: NonNullable<StateLine['highest']>): Refusal[] {
  const { sequence, digest, version } = release;
  const seen = `${mark.version} with sequence ${mark.sequence}`;
  if (sequence === undefined) {
    return [{ code: 'ROLLBACK', message: `${version} has no sequence, and this site has already loaded ${seen}` }];
  }
  if (sequence < mark.sequence) {
    const message = `${version} has sequence ${sequence}, and this site has already loaded ${seen}`;
    return [{ code: 'ROLLBACK', message }];
  }
  if (sequence > mark.sequence || digest === mark.digest) return [];
  const message = `${version} is another release with sequence ${sequence} than the one this site loaded, ${mark.digest}`;
  return [{ code: 'FORK', message }];
}

/**
 * The mark that binds. One set by a release that the trust now revokes, or that too few signed who are not revoked by
 * now, would let a thief of keys shut out every genuine release to come: it falls, and the floor of the trust
 * document remains.
 */
function currentMark(line: StateLine | undefined, trust: TrustDocument | undefined): StateLine['highest'] {
  const mark = line?.highest;
  if (mark === undefined || trust === undefined) return mark;
  const honest = [
    ...mark.signers.filter((id) => !trust.revokedKeys.includes(id)),
    ...(mark.identities ?? []).filter(
      (signer) => !trust.revokedIdentities?.some((each) => matchesIdentity(each, signer)),
    ),
  ];
  const isRevoked = trust.revokedReleases.includes(mark.digest) || honest.length < trust.thresholds.release;
  return isRevoked ? undefined : mark;
}

function refusalError({ code, message }: Refusal, { digest }: ReleaseFacts, { state }: Circumstances): TrustError {
  const means = state === undefined ? `--state DIR --allow-rollback-to ${digest}` : `--allow-rollback-to ${digest}`;
  const first = {
    CLOCK: 'set the clock right',
    EXPIRED: 'get newer trust or a newer release from its maker',
    ROLLBACK: 'load the newest release',
    FORK: 'ask the maker of the release which of the two is genuine',
  }[code];
  return new TrustError(code, message, {
    hint: `${first}; to accept this very release on purpose, run the same command with ${means}, which is recorded`,
    details: { digest },
  });
}

function lineKey({ product, channel }: StateLine): string {
  return `${product} ${channel}`;
}
