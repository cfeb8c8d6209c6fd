/** An archive of which only files are read: admitted as everywhere, with nothing locked, remembered or put on record. */
import type { TrustedArchive } from '../../archive/verification/trusted-archive.ts';
import type { CheckReport } from '../../report/checks/check-report.ts';
import { nameSigner } from '../../trust/signatures/identity.ts';
import type { ValuesOf } from '../command.ts';
import type { Context } from '../context.ts';
import { readTerms, type trustOptions } from '../options/trust-options.ts';

const ARCHIVE = /\.tar$/;

/** Whether a path is taken for one of an archive. */
export function isArchiveName(path: string): boolean {
  return ARCHIVE.test(path);
}

/**
 * Hands an archive to `read`, its signature accepted under the terms that the options name; closed when this returns.
 * @throws TrustError, IntegrityError when the archive is refused. @throws UsageError when no key is named, or no such file is there.
 */
export async function withCheckedArchive<T>(
  context: Context,
  path: string,
  options: ValuesOf<typeof trustOptions>,
  read: (archive: TrustedArchive) => Promise<T>,
): Promise<T> {
  const { withAdmittedRelease } = await import('../../site/admitted-release.ts');
  const { siteEnvironment } = await import('./site-request.ts');
  const terms = await readTerms(options, context);
  const environment = await siteEnvironment(context, { operator: undefined });
  const request = { action: 'verify', archive: path, terms, isPlan: true } as const;
  return await withAdmittedRelease(request, environment, async ({ archive }) => await read(archive));
}

/** How reports name the release of an archive. */
export function toReportRelease({
  release: { inventory, digest, signers },
}: TrustedArchive): NonNullable<CheckReport['release']> {
  return { name: inventory.name, version: inventory.version, digest, signers: signers.map(nameSigner) };
}
