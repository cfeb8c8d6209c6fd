/** `airgap build`: one signed archive out of a release. */
import { retryPolicy } from '../../base/retry.ts';
import { UsageError } from '../../errors.ts';
import type { BuildFacts } from '../../operations/build/attestations.ts';
import type { TrustMembers } from '../../archive/inventory/trust-members.ts';
import type { ReleaseLock } from '../../release/lock/lock-schema.ts';
import type { TrustDocument } from '../../trust/documents/trust-document-schema.ts';
import { nameSigner, type SignerName } from '../../trust/signatures/identity.ts';
import type { ReleaseSigner } from '../../trust/signing/signer.ts';
import type { TrustVersions } from '../../trust/documents/trust-document.ts';
import { defineCommand, flag, list, optionalArgument, text, writtenFile } from '../command.ts';
import type { Context } from '../context.ts';
import { notePins } from '../../report/pin-lines.ts';
import { nameContents } from '../../report/content-names.ts';
import { deltaNotes } from '../../report/diff/delta-lines.ts';
import { leftOut } from '../../report/loads/delta-lines.ts';
import { formatBytes, formatDuration } from '../../report/format.ts';
import { openProgress } from '../output/open-progress.ts';
import { listenTo } from '../output/registry-lines.ts';
import { factOptions, readFacts } from '../options/provenance-options.ts';
import { signerOptions, type SignerOptions } from '../options/signer-options.ts';
import { checkModeOption } from '../options/check-options.ts';
import { discoveryOptions, readDiscovery } from '../options/discovery-options.ts';
import { concurrencyOption, sourceOptions } from '../options/source-options.ts';

export const build = defineCommand({
  name: 'build',
  summary: 'write the signed archive of a release; run again after an interruption, it goes on',
  examples: [
    'build release.yaml --key release.key',
    'build release.lock.json --key release.key --output /media/usb',
    'build release.lock.json --key release.key --split fat32 --output /media/usb',
    'build release.yaml --locked --key a.key --key b.key',
    'build release.yaml --key my-hsm://release --expect-key release.pub',
    'build release.yaml --key release.key --trust trust',
    'build release.yaml --key release.key --base my-release-offline-1.0.0.tar --inventory 1.1.0.inventory.json',
    'build release.yaml --fulcio-url https://fulcio.example --rekor-url https://rekor.example --trusted-root root.json',
    'build release.yaml --key release.key --source-repository git+https://git.example/team/releases',
  ],
  arguments: {
    release: optionalArgument('release', 'release.yaml, or a lock that is built as it is (default: of this directory)'),
  },
  options: {
    ...signerOptions,
    trust: text(
      '--trust <path>',
      'trust document (with the versions beside it) or directory of versions to carry along',
    ),
    allowUntrustedSigner: flag(
      '--allow-untrusted-signer',
      'sign with keys that the trust document revokes, or does not list for releases and for provenance',
    ),
    output: writtenFile('--output <path>', 'file or directory (default: <name>-offline-<version>.tar here)'),
    base: list(
      '--base <file>',
      'release that the site has, as archive or inventory: write a delta, <name>-offline-<version>.delta.tar, without its layers',
    ),
    inventory: writtenFile('--inventory <file>', 'write the inventory there as well: a --base of later builds'),
    split: text('--split <size>', 'write parts instead of one file: 4GiB, 700MB, a number of bytes, or dvd, bd, fat32'),
    overwrite: flag('--overwrite', 'replace an archive of that name when the new one is complete'),
    locked: flag('--locked', 'fail if a tag moved or anything differs from the lock'),
    lock: text('--lock <file>', 'the lock (default: release.lock.json beside the release.yaml)'),
    ...factOptions,
    ...discoveryOptions,
    check: checkModeOption,
    concurrency: concurrencyOption,
    ...sourceOptions,
  },
  async run(context, { release }, options) {
    const { openReleaseSigners } = await import('../inputs/signers.ts');
    const { chooseInput, isDirectory, placeOutput } = await import('../inputs/release-input.ts');
    const { checkPinned } = await import('../inputs/release-check.ts');
    const { pinRelease } = await import('../../operations/resolve/pin-release.ts');
    const { ImageSources } = await import('../../operations/resolve/image-sources.ts');
    const { buildArchive } = await import('../../operations/build/build.ts');
    const { archiveFileName } = await import('../../archive/inventory/from-lock.ts');
    const { output, signal } = context;
    const { countParts, parsePartSize } = await import('../../archive/parts/part-size.ts');
    const partSize = options.split === undefined ? undefined : parsePartSize(options.split, '--split');
    const started = context.now().getTime();
    const input = chooseInput(release);
    if (input.kind === 'list') {
      throw new UsageError('USAGE', `${input.path} is neither a release.yaml nor a lock`, {
        hint: 'name the list under imageLists of a release.yaml',
      });
    }
    const chain = options.trust === undefined ? undefined : await readChain(options.trust, signal);
    const facts = readFacts(options, context.env);
    // Asked first: a passphrase is not waited for at the end of a long download.
    const signers = await openReleaseSigners(context, options, chain?.at(-1)?.document.trustedRoot);
    const provenanceSigner = await openProvenanceSigner(context, options);
    const decisive = chain?.at(-1)?.document;
    if (decisive !== undefined && !options.allowUntrustedSigner) {
      const { isKeySigner } = await import('../../trust/signing/signer.ts');
      const { assertKeysCount } = await import('../../archive/inventory/trust-members.ts');
      // Without a signer of its own, the first one states how the archive was built, and has to count where sites ask.
      const stating = provenanceSigner ?? (decisive.thresholds.provenance === undefined ? undefined : signers[0]);
      const release = signers.filter(isKeySigner).map(({ keyId }) => keyId);
      const provenance = stating !== undefined && isKeySigner(stating) ? stating.keyId : undefined;
      assertKeysCount(decisive, { release, provenance }, context.now());
    }
    const { openBuildBases } = await import('../../operations/build/bases.ts');
    using bases = options.base.length === 0 ? undefined : await openBuildBases(options.base, { signal });
    await using sources = new ImageSources({
      ...options,
      listener: listenTo(context.output),
      env: context.env,
      signal,
    });
    const { report, pins, trust } = await (async () => {
      using progress = await openProgress(context);
      const discovery = readDiscovery(context, options);
      const pinned = await pinRelease(input, sources, {
        ...options,
        ...discovery,
        now: context.now(),
        signal,
        onImage: progress.onImage,
      });
      const { lock, files, contents } = pinned;
      const { openRenderer } = discovery;
      const check = await checkPinned(context, pinned, { openRenderer, mode: options.check });
      const isDelta = options.base.length > 0;
      const path = placeOutput(options.output, archiveFileName(lock, isDelta), await isDirectory(options.output));
      const request = {
        lock,
        output: path,
        signers,
        provenanceSigner,
        sourceOf: sources.sourceOf(contents),
        files,
        facts,
        bases,
        check,
      };
      const carried = chain === undefined ? undefined : await carryTrust(chain, lock);
      const built = await buildArchive(
        { ...request, trust: carried?.files },
        {
          overwrite: options.overwrite,
          partSize,
          concurrency: options.concurrency,
          retry: retryPolicy(options.retries),
          signal,
          onStart: (held, total) => {
            progress.name(nameContents(lock));
            progress.begin('copy', path, total, held);
          },
          onEvent: progress.onCopy,
          onDelta: (delta) => {
            deltaNotes(delta).forEach((line) => output.note(line));
            const { readBytes, pulledBytes, tarballBytes } = delta;
            if (readBytes + pulledBytes > 0) progress.begin('verification', 'hashing for checksums.txt', tarballBytes);
          },
          onHashed: progress.onVerified,
        },
      );
      return { report: built, pins: pinned, trust: carried?.document };
    })();
    notePins(output, pins);
    const { path, size, digest, resumedBytes, copiedBytes } = report;
    const signedBy = report.signers.map(nameSigner);
    const provenance = report.provenance && nameSigner(report.provenance);
    const document = { path, size, digest, signers: signedBy, provenance, resumedBytes, copiedBytes };
    if (options.inventory !== undefined) {
      const { writeInventoryFile } = await import('../../archive/reader/release-file.ts');
      await writeInventoryFile(options.inventory, report.inventory, signal);
    }
    const { delta } = report;
    const parts = partSize === undefined ? undefined : countParts(size, partSize);
    const also = {
      ...(parts === undefined ? {} : { parts }),
      ...(trust === undefined ? {} : { trustVersion: trust.version }),
      ...(delta && { delta }),
    };
    output.result({ ...document, ...also }, [
      path,
      `  size     ${formatBytes(size)} (${size} bytes)`,
      ...(parts === undefined ? [] : [`  parts    ${parts}, from ${path}.001 on, and ${path}.parts.json`]),
      ...(delta === undefined ? [] : [`  delta    ${leftOut(delta)}, of ${formatBytes(delta.fullSize)} in all`]),
      `  digest   ${digest} (of checksums.txt)`,
      ...signedBy.map((signer) => `  signed   ${signer}`),
      ...(trust === undefined ? [] : [`  trust    version ${trust.version}, until ${trust.expires}`]),
      `  provenance signed by ${provenance}${statedBy(facts)}`,
      ...(resumedBytes > 0 ? [`  resumed  ${formatBytes(resumedBytes)} of an interrupted build`] : []),
    ]);
    output.note(`built in ${formatDuration(context.now().getTime() - started)}`);
    if (trust !== undefined) await noteSigners(context, trust, report.signers);
    nextStep(context, path, chain?.at(-1)?.name ?? '', report.signers, options);
  },
});

/** The signer of the provenance, where that is not the first signer. */
async function openProvenanceSigner(
  context: Context,
  {
    provenanceKey,
    passphraseFile,
    timestampUrl,
    provenancePassphraseFile,
  }: {
    readonly provenanceKey: string | undefined;
    readonly provenancePassphraseFile: string | undefined;
  } & Pick<SignerOptions, 'passphraseFile' | 'timestampUrl'>,
): Promise<ReleaseSigner | undefined> {
  if (provenanceKey === undefined) return undefined;
  const { openReleaseSigners } = await import('../inputs/signers.ts');
  const [only, ...more] = passphraseFile;
  const file = provenancePassphraseFile ?? (more.length === 0 ? only : undefined);
  const [signer] = await openReleaseSigners(context, {
    key: [provenanceKey],
    passphraseFile: file === undefined ? [] : [file],
    expectKey: [],
    timestampUrl,
  });
  return signer;
}

/** What the caller had stated beside the defaults, in a few words. */
function statedBy({ builderId, source }: BuildFacts): string {
  const by = builderId === undefined ? '' : `, built by ${builderId}`;
  return source === undefined ? by : `${by}, from ${source.repository}`;
}

function nextStep(
  { output }: Context,
  archive: string,
  trust: string,
  [first]: readonly SignerName[],
  { key: [key = ''], trustedRoot = 'root.json' }: SignerOptions,
): void {
  // The public half of a key in a KMS has no file that could be guessed.
  const publicKey = key.includes('://') ? 'release.pub' : `${key.replace(/\.key$/, '')}.pub`;
  const whom =
    first === undefined || 'keyId' in first
      ? `--key ${publicKey}`
      : `--certificate-identity ${first.subject} --certificate-oidc-issuer ${first.issuer} --trusted-root ${trustedRoot}`;
  output.note(`next: airgap verify ${archive} ${trust === '' ? whom : `--trust ${trust}`}`);
}

async function readChain(path: string, signal: AbortSignal): Promise<TrustVersions> {
  const { readTrustChain } = await import('../../trust/documents/document-files.ts');
  return readTrustChain(path, signal);
}

async function carryTrust(chain: TrustVersions, lock: ReleaseLock): Promise<TrustMembers> {
  const { toTrustMembers } = await import('../../archive/inventory/trust-members.ts');
  return toTrustMembers(chain, lock);
}

/** Signatures may still be added later, so that too few are no failure here. */
async function noteSigners({ output }: Context, trust: TrustDocument, signers: readonly SignerName[]): Promise<void> {
  const { countReleaseSigners } = await import('../../archive/inventory/trust-members.ts');
  const { counting, others } = countReleaseSigners(trust, signers);
  for (const other of others) {
    const who = 'keyId' in other ? `key ${other.keyId}` : nameSigner(other);
    output.note(`${who} is not a release key of the trust document, so its signature does not count there`);
  }
  if (counting >= trust.thresholds.release) return;
  output.note(`${counting} of ${trust.thresholds.release} release keys have signed: sites refuse the archive as it is`);
}
