/** The files of `install/` in every archive: what the operator at the other side starts with. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StoreError } from '../../errors.ts';
import { archiveFileName, type ArchiveMember } from '../../archive/inventory/from-lock.ts';
import type { ReleaseLock } from '../../release/lock/lock-schema.ts';
import { emptyTrustedRoot } from '../../trust/signatures/empty-root.ts';

const TOOL = 'verify-and-load.mjs';

/** Reads and writes the files that belong to the product and not to the release. The same for the same release. */
export async function readInstallFiles(
  lock: Pick<ReleaseLock, 'name' | 'version' | 'checksums'>,
): Promise<readonly ArchiveMember[]> {
  return [
    { path: 'install/README.txt', bytes: Buffer.from(formatReadme(archiveFileName(lock), lock.checksums === 'files')) },
    { path: 'install/trusted-root.json', bytes: Buffer.from(emptyTrustedRoot) },
    { path: `install/${TOOL}`, bytes: await readTool() },
  ];
}

/** Beside the running bundle; in `dist/` when the sources run as they are. */
async function readTool(): Promise<Buffer> {
  const isBundled = !import.meta.filename.endsWith('.ts');
  const path = join(import.meta.dirname, ...(isBundled ? [] : ['..', '..', '..', 'dist']), TOOL);
  try {
    return await readFile(path);
  } catch (cause) {
    throw new StoreError('STORE_IO', `${path} is missing, and every archive carries it`, {
      cause,
      hint: 'build it with: npm run build',
    });
  }
}

/** What plain tools do not say where the signed list has no lines for tarballs. */
const UNLISTED = `
   The image tarballs are not in that list. Each blob in them is named by its own digest, in
   blobs/sha256/, but that no other stands there is for step 1 to say.
`;

/** Plain words for a person with no network and this archive. */
function formatReadme(archive: string, listsFilesAlone: boolean): string {
  return `How to check and load ${archive}
${'='.repeat(24 + archive.length)}

You need the public key of the maker of this archive, from another source than the archive
itself. Below it is called release.pub; compare its key id over the phone.

1. Check, with Node 24.15 or newer and nothing else:

     tar -xf ${archive} install
     node install/verify-and-load.mjs ${archive} --key release.pub

   Exit code 0: every byte is verified. 3: do not load it. 1 or 2: it could not be checked.
   Files beside it that are named like the archive, with .sigstore.json at the end, are further
   signatures: keep them there. If two persons must have signed, give both keys and --threshold 2.
   If you were given a trust document instead of a key, write --trust FILE in the place of
   --key release.pub, here and below. With --state DIRECTORY this site remembers what it loaded and
   refuses what is older.
   The copy of verify-and-load.mjs that you extracted is part of what is being checked: prefer one
   that you received earlier, or check it first with the plain tools of step 2.

2. Check with plain tools:

     tar -xf ${archive}
     cosign verify-blob --key release.pub --bundle signatures/1.sigstore.json \\
       --trusted-root install/trusted-root.json --insecure-ignore-tlog checksums.txt
     sha256sum --check --strict checksums.txt
${listsFilesAlone ? UNLISTED : ''}
   --trusted-root and --insecure-ignore-tlog keep cosign from asking the internet for a log this
   signature does not use: it is made with the key you hold.

3. Load, into a registry, a directory of a k3s or RKE2 node, a Docker Engine, or an OCI layout:

     node install/verify-and-load.mjs ${archive} --key release.pub --to docker://registry.internal:5000
     node install/verify-and-load.mjs ${archive} --key release.pub --to dir:/var/lib/rancher/k3s/agent/images
     node install/verify-and-load.mjs ${archive} --key release.pub --to docker-daemon:
     node install/verify-and-load.mjs ${archive} --key release.pub --to oci:layout

   Add --plan to see what would move without changing anything. Nothing becomes visible before
   every byte is verified, and an interrupted load goes on when the same command is run again.

4. Charts, manifests and documents:

     node install/verify-and-load.mjs ${archive} --key release.pub --extract release-files
`;
}
