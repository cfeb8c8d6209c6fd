/** `airgap sign`: a second person's signature on a finished archive. */
import { toInputError, UsageError } from '../../errors.ts';
import { nameSigner } from '../../trust/signatures/identity.ts';
import type { ReleaseSigner } from '../../trust/signing/signer.ts';
import { argument, defineCommand, flag, text } from '../command.ts';
import type { Context } from '../context.ts';
import { formatCount, formatDuration } from '../../report/format.ts';
import { readKeyFile, readPublicKey } from '../inputs/keys.ts';
import { openProgress } from '../output/open-progress.ts';
import { partsOption } from '../options/load-options.ts';
import { signerOptions, type SignerOptions } from '../options/signer-options.ts';

export const sign = defineCommand({
  name: 'sign',
  summary: 'verify every byte of a finished archive and add a signature, without rewriting it',
  examples: [
    'sign release.tar --key second.key',
    'sign release.tar --key my-hsm://release --expect-key second.pub',
    'sign /media/disc/release.tar --key second.key --detached',
    'sign release.tar --bundle cosign.sigstore.json --expect-key second.pub',
    'sign release.tar --fulcio-url https://fulcio.example --rekor-url https://rekor.example --trusted-root root.json',
  ],
  arguments: { archive: argument('archive', 'the file') },
  options: {
    ...signerOptions,
    bundle: text('--bundle <file>', 'instead of --key: a signature over checksums.txt that cosign made'),
    parts: partsOption,
    detached: flag('--detached', 'write <archive>.<key id>.sigstore.json beside the archive, which is left alone'),
  },
  async run(context, { archive }, options) {
    const { signArchive } = await import('../../operations/sign.ts');
    const { output, signal } = context;
    const started = context.now().getTime();
    // Asked first: a passphrase is not waited for at the end of a long proof.
    const signer = await openSigner(context, options);
    const report = await (async () => {
      using progress = await openProgress(context);
      return await signArchive(archive, signer, {
        detached: options.detached,
        parts: options.parts,
        signal,
        onProgress: progress.onVerified,
      });
    })();
    const { path, place, digest, signer: by, others, inventory } = report;
    const { name, version, images, files } = inventory;
    const release = { name, version };
    output.result({ kind: 'signature', archive: path, place, digest, ...by, others, release }, [
      `signed: ${name} ${version}`,
      `  archive   ${path}`,
      `  digest    ${digest} (of checksums.txt)`,
      `  verified  every byte first: ${formatCount(images.length, 'image')}, ${formatCount(files.length, 'file')}`,
      `  signed    ${nameSigner(by)}, in ${place}`,
      ...others.map((other) => `  unchecked ${other} claims to have signed before; not verified`),
    ]);
    output.note(`took ${formatDuration(context.now().getTime() - started)}`);
    const count = others.length + 1;
    const { trustedRoot = 'root.json' } = options;
    const own =
      'keyId' in by
        ? '--key THIS.pub'
        : `--certificate-identity ${by.subject} --certificate-oidc-issuer ${by.issuer} --trusted-root ${trustedRoot}`;
    output.note(`next: airgap verify ${archive} ${count === 1 ? own : `--key FIRST.pub ${own} --threshold 2`}`);
  },
});

/** Exactly one: each person signs for themselves. */
async function openSigner(
  context: Context,
  options: SignerOptions & { readonly bundle: string | undefined },
): Promise<ReleaseSigner> {
  const { bundle, expectKey } = options;
  const { countNamedSigners } = await import('../inputs/signers.ts');
  if (countNamedSigners(options) + (bundle === undefined ? 0 : 1) !== 1) {
    throw new UsageError('USAGE', 'one signature is added at a time: give --key once, or --fulcio-url, or --bundle', {
      hint: 'the second signer runs the command again, with their own key',
    });
  }
  if (bundle === undefined) {
    const { openReleaseSigners } = await import('../inputs/signers.ts');
    const [signer] = await openReleaseSigners(context, options);
    return signer as ReleaseSigner;
  }
  const [path, ...more] = expectKey;
  if (path === undefined || more.length > 0) {
    throw new UsageError('USAGE', '--bundle needs the public key that its signature is verified with', {
      hint: "give --expect-key once, with the signer's public key",
    });
  }
  const { createBundleSigner } = await import('../../trust/signing/signer.ts');
  const { signal } = context;
  const bytes = Buffer.from(await readKeyFile(bundle, signal));
  const publicKey = await readPublicKey(path, signal);
  try {
    return createBundleSigner(bytes, publicKey, bundle);
  } catch (error) {
    throw toInputError(error);
  }
}
