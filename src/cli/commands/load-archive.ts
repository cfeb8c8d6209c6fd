/** Loads an archive wherever `--to` points, in the order that the site keeps. */
import { UsageError } from '../../errors.ts';
import { parseTarget } from '../../release/mapping/target-address.ts';
import { withAdmittedRelease } from '../../site/admitted-release.ts';
import type { SiteTerms } from '../../site/admission.ts';
import type { Context } from '../context.ts';
import { refuse } from '../../release/mapping/open-target.ts';
import { readReceiptRequest, siteEnvironment } from '../inputs/site-request.ts';
import type { LoadArchiveOptions } from '../options/load-options.ts';
import { loadImages } from './load-images.ts';
import { loadTarballs } from './load-tarballs.ts';

/** Loads an archive and reports what became of everything in it. */
export async function loadArchive(
  context: Context,
  path: string,
  terms: SiteTerms,
  options: LoadArchiveOptions,
): Promise<void> {
  const address = parseTarget(options.to);
  refuse(
    options.dockerHost !== undefined && address.kind !== 'docker',
    '--docker-host',
    'the target is not a Docker Engine',
  );
  if (path === '-') {
    throw new UsageError('USAGE', 'an archive cannot be loaded from standard input', {
      hint: 'loading reads it in any order; give the file, read-only media are fine',
    });
  }
  const { auditLog, plan: isPlan, base: bases, parts } = options;
  const receipt = await readReceiptRequest(context, options);
  const request = {
    action: 'load',
    archive: path,
    bases,
    parts,
    target: options.to,
    terms,
    auditLog,
    receipt,
    isPlan,
  } as const;
  await withAdmittedRelease(request, await siteEnvironment(context, options), async (admitted) => {
    if (address.kind === 'registry' || address.kind === 'layout') await loadImages(context, admitted, address, options);
    else await loadTarballs(context, admitted, address, options);
  });
}
