/** `airgap verify`: verifies every byte of an archive with a key the user holds. */
import { AirgapError, ExitCode, exitCodeOf, inContext, UsageError, withRemark } from '../../errors.ts';
import type { TrustedRelease } from '../../archive/verification/acceptance.ts';
import type { VerifiedArchive, VerifiedRelease } from '../../archive/verification/verified-archive.ts';
import type { VerifyReport } from '../../report/verify-report.ts';
import { nameSigner } from '../../trust/signatures/identity.ts';
import type { SiteTerms } from '../../site/admission.ts';
import type { SiteRecord } from '../../site/admitted-release.ts';
import { recordOptions, type RecordOptions } from '../options/audit-options.ts';
import { recordDocument, recordLines } from '../../report/audit-lines.ts';
import { argument, defineCommand, writtenFile } from '../command.ts';
import type { Context } from '../context.ts';
import { formatBytes, formatCount, formatDuration } from '../../report/format.ts';
import { formatDocument } from '../../report/json-document.ts';
import { openProgress } from '../output/open-progress.ts';
import { describeSigner, signerDocument } from '../../report/signer-lines.ts';
import { checkDocument, describeBuild, describeCheck, provenanceDocument } from '../../report/provenance-lines.ts';
import type { OpenedFile } from '../../base/files/opened-file.ts';
import { openNamedFile } from '../../base/files/result-file.ts';
import { toTrustDocument, trustLines } from '../../report/trust-lines.ts';
import { baseOption, partsOption } from '../options/load-options.ts';
import { leftOut } from '../../report/loads/delta-lines.ts';
import { readTerms, trustOptions } from '../options/trust-options.ts';

const STDIN = '-';

export const verify = defineCommand({
  name: 'verify',
  summary: 'verify who signed an archive and every byte of it',
  examples: [
    'verify hexabase-offline-1.5.0.tar --key release.pub',
    'verify release.tar --key a.pub --key b.pub --threshold 2 --report report.json',
    'verify release.tar --key release.pub --require-provenance --builder-id https://ci.example/releases',
    'verify - --key release.pub < /dev/sr0',
    'verify release.tar --trust trust.json --state /var/lib/airgap',
    'verify release.delta.tar --key release.pub --base my-release-offline-1.0.0.tar',
  ],
  arguments: { archive: argument('archive', 'the file; - reads standard input in one pass') },
  options: {
    ...trustOptions,
    base: baseOption,
    parts: partsOption,
    ...recordOptions,
    report: writtenFile('--report <file>', 'write the JSON report there as well'),
  },
  async run(context, { archive }, options) {
    await verifyAndReport(context, archive, await readTerms(options, context), options);
  },
});

/** Verifies, reports either way, and throws what was wrong. */
export async function verifyAndReport(
  context: Context,
  archive: string,
  terms: SiteTerms,
  options: RecordOptions & {
    readonly report: string | undefined;
    readonly base: readonly string[];
    readonly parts: readonly string[];
  },
): Promise<void> {
  const { output } = context;
  const { report: reportPath } = options;
  const started = context.now().getTime();
  const state: State = { trusted: undefined, done: 0, total: 0 };
  await using file = reportPath === undefined ? undefined : await openReport(reportPath, context);
  const outcome = await verifyAtSite(context, archive, terms, options, state).catch(async (error: unknown) => {
    const report = describe(archive, terms, state, { error });
    // What was wrong with the archive is the reason to give, whatever becomes of the report.
    const told: unknown = await file?.write(formatDocument(report)).then(
      () => error,
      (unwritten: unknown) =>
        withRemark(error, `the report is not there: ${unwritten instanceof Error ? unwritten.message : ''}`),
    );
    if (output.json) output.result(report, []);
    throw told ?? error;
  });
  const { release, record } = outcome;
  const report = { ...describe(archive, terms, state, { release }), ...recordDocument(record) };
  const unwritten: unknown = await file?.write(formatDocument(report)).then(
    () => undefined,
    (error: unknown) => inContext(error, 'the archive is verified, and the report is not there'),
  );
  output.result(report, [...verifiedLines(archive, release), ...recordLines(record)]);
  output.note(`took ${formatDuration(context.now().getTime() - started)}`);
  if (unwritten instanceof Error) throw unwritten;
}

/** The verdict is what was asked for first: a place that takes no report is named at once, and does not keep it back. */
async function openReport(path: string, { output, signal }: Context): Promise<OpenedFile> {
  try {
    return await openNamedFile(path, signal);
  } catch (error) {
    output.note(`${error instanceof Error ? error.message : ''}; the archive is verified all the same`);
    const write = async (): Promise<never> => {
      throw error;
    };
    return { path, write, [Symbol.asyncDispose]: async () => undefined };
  }
}

interface State {
  trusted: TrustedRelease | undefined;
  /** bytes of content */
  done: number;
  total: number;
}

async function verifyAtSite(
  context: Context,
  archive: string,
  terms: SiteTerms,
  options: RecordOptions & { readonly base: readonly string[]; readonly parts: readonly string[] },
  state: State,
): Promise<{ readonly release: VerifiedRelease; readonly record: SiteRecord }> {
  const { verifyAdmittedStream, withAdmittedRelease } = await import('../../site/admitted-release.ts');
  const { siteEnvironment } = await import('../inputs/site-request.ts');
  const { verifyPayload } = await import('../../archive/verification/verified-archive.ts');
  const { base: bases, parts, auditLog } = options;
  const request = { action: 'verify', archive, bases, parts, terms, auditLog } as const;
  const environment = await siteEnvironment(context, options);
  using progress = await openProgress(context);
  const onProgress = (done: number, total: number): void => {
    Object.assign(state, { done, total });
    progress.onVerified(done, total);
  };
  const onTrusted = (release: TrustedRelease): void => void (state.trusted = release);
  const { signal } = context;
  if (archive === STDIN) {
    if (parts.length > 0)
      throw new UsageError('USAGE', '--parts does not apply to standard input', { hint: 'name the first part' });
    if (bases.length > 0) throw new UsageError('USAGE', '--base needs the delta as a file', { hint: 'name the file' });
    const input = { content: context.stdin as AsyncIterable<Buffer>, name: 'standard input' };
    const settings = { signal, onProgress, onTrusted };
    const { outcome: release, record } = await verifyAdmittedStream(request, environment, input, settings);
    return { release, record };
  }
  return await withAdmittedRelease(request, environment, async (admitted) => {
    onTrusted(admitted.archive.release);
    const act = (): Promise<VerifiedArchive> => verifyPayload(admitted.archive, { signal, onProgress });
    const { outcome, record } = await admitted.perform({ act });
    return { release: outcome.release, record };
  });
}

function describe(
  archive: string,
  { anchor }: SiteTerms,
  { trusted, done, total }: State,
  { release, error }: { readonly release?: VerifiedRelease; readonly error?: unknown },
): VerifyReport {
  const isRefused = exitCodeOf(error) === ExitCode.untrusted;
  return {
    schemaVersion: 1,
    kind: 'verify',
    archive,
    verdict: release === undefined ? (isRefused ? 'refused' : 'failed') : 'verified',
    ...(trusted === undefined ? {} : { release: summarize(trusted), digest: trusted.digest }),
    trust: {
      threshold: trusted?.threshold ?? ('document' in anchor ? anchor.document.thresholds.release : anchor.threshold),
      acceptedSigners: (trusted?.signers ?? []).map(signerDocument),
      uncheckedSigners: [...(trusted?.unchecked ?? [])],
      ...(trusted === undefined ? {} : toTrustDocument(trusted)),
    },
    ...(trusted === undefined ? {} : { provenance: stated(trusted), checks: checked(trusted) }),
    read: { contentBytes: done, contentBytesTotal: total },
    ...(trusted?.delta === undefined ? {} : { delta: { ...trusted.delta, bases: [...trusted.delta.bases] } }),
    ...(release === undefined ? {} : { verified: release.content }),
    ...(release === undefined ? { error: describeError(error) } : {}),
  };
}

function summarize({ inventory }: TrustedRelease): NonNullable<VerifyReport['release']> {
  const { name, version, channel, sequence, created, expires, platforms, images, files } = inventory;
  return {
    ...{ name, version, channel, created, platforms, images: images.length, files: files.length },
    ...(sequence === undefined ? {} : { sequence }),
    ...(expires === undefined ? {} : { expires }),
  };
}

function stated({ provenance }: TrustedRelease): NonNullable<VerifyReport['provenance']> {
  const { accepted, unchecked } = provenance;
  return { accepted: accepted.map(provenanceDocument), unchecked: unchecked.map(provenanceDocument) };
}

function checked({ provenance: { checks } }: TrustedRelease): NonNullable<VerifyReport['checks']> {
  return { accepted: checks.accepted.map(checkDocument), unchecked: checks.unchecked.map(checkDocument) };
}

function describeError(error: unknown): NonNullable<VerifyReport['error']> {
  if (!(error instanceof AirgapError)) {
    return { code: 'FAILED', message: error instanceof Error ? error.message : String(error) };
  }
  const { member, offset } = error.details;
  return {
    code: error.code,
    message: error.message,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(typeof member === 'string' ? { member } : {}),
    ...(typeof offset === 'number' ? { offset } : {}),
  };
}

/** What of a delta is verified, and what is for a load to find. */
function deltaLines({ delta, content: { base } }: VerifiedRelease): readonly string[] {
  if (delta === undefined) return [];
  const found = base === undefined ? [] : [`  bases     ${formatCount(base.contents, 'layer')} of that with the declared digest`]; // prettier-ignore
  const rest = delta.omitted - (base?.contents ?? 0);
  const lines = [`  delta     ${leftOut(delta)}`, ...found];
  if (rest > 0) lines.push(`  left out  ${formatCount(rest, 'layer')} not verified here: a load asks the target for them first`); // prettier-ignore
  return lines;
}

/** The lines of a release that is verified. */
export function verifiedLines(archive: string, release: VerifiedRelease): readonly string[] {
  const { inventory, content, signers, unchecked, digest, provenance } = release;
  const { name, version, channel, created, platforms, images, files } = inventory;
  return [
    `verified: ${name} ${version} (${channel}, ${created})`,
    `  archive   ${archive === STDIN ? 'standard input' : archive}`,
    `  read      ${formatBytes(content.bytes)} (${content.bytes} bytes), every byte accounted for`,
    ...deltaLines(release),
    `  content   ${formatCount(content.contents, 'piece')} with the declared digest: ${formatCount(images.length, 'image')} for ${platforms.join(', ')}, ${formatCount(files.length, 'file')}`,
    `  digest    ${digest} (of checksums.txt)`,
    ...signers.map((signer) => `  signed    ${describeSigner(signer)}`),
    ...trustLines(release),
    ...unchecked.map((signer) => `  unchecked ${signer} claims to have signed; not verified`),
    ...provenance.accepted.map(
      (build) => `  built by  ${describeBuild(build)}, provenance signed by ${nameSigner(build)}`,
    ),
    ...provenance.checks.accepted.map((check) => `  checked   ${describeCheck(check)}, stated by ${nameSigner(check)}`),
    ...provenance.unchecked.map((build) => `  unchecked ${nameSigner(build)} states how it was built; not verified`),
    ...provenance.checks.unchecked.map(
      (check) => `  unchecked ${nameSigner(check)} states that it was checked; not verified`,
    ),
  ];
}
