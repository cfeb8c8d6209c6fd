/** What an archive brings to install: the manifests of one rendered profile, or the plain ones, and what is done beside. */
import type { InventoryFile } from '../../archive/inventory/inventory-schema.ts';
import { readArchiveFile } from '../../archive/verification/archive-file.ts';
import type { TrustedArchive } from '../../archive/verification/trusted-archive.ts';
import { nearest } from '../../base/suggestion.ts';
import { UsageError } from '../../errors.ts';
import { DEPLOY_PATH, parseDeployDocument, type DeployDocument } from '../../release/deployment/deploy-document.ts';
import { isKubernetesFile } from '../../kubernetes/resources/yaml-documents.ts';

/** What the manifests that are not rendered from a chart are called where a profile is asked for. */
export const PLAIN = 'plain';
/** A file of a rendered profile: `manifests/edge/03-secrets.yaml`. */
const STAGED = /^manifests\/([^/]+)\/[0-9]{2}-[a-z-]+\.yaml$/;
const MANIFEST = /^manifests\//;

/** The text of a manifest. */
export interface ManifestText {
  readonly path: string;
  readonly text: string;
}

/** What an archive can install, by name. */
export function profilesOf(files: readonly InventoryFile[]): ReadonlyMap<string, readonly InventoryFile[]> {
  const profiles = new Map<string, InventoryFile[]>();
  const folders = new Set(files.flatMap(({ path }) => STAGED.exec(path)?.[1] ?? []));
  for (const file of files) {
    if (!MANIFEST.test(file.path) || !isKubernetesFile(file.path)) continue;
    const folder = file.path.split('/')[1] ?? '';
    const name = folders.has(folder) && file.path.split('/').length > 2 ? folder : PLAIN;
    profiles.set(name, [...(profiles.get(name) ?? []), file]);
  }
  return profiles;
}

/**
 * Chooses what to install and reads it, in the order of its names.
 * @throws UsageError `USAGE` when there is nothing, or the choice is not clear.
 */
export async function readChosenManifests(
  archive: TrustedArchive,
  profile: string | undefined,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<{ readonly profile: string; readonly manifests: readonly ManifestText[] }> {
  const profiles = profilesOf(archive.release.inventory.files);
  const names = [...profiles.keys()].sort();
  if (names.length === 0) {
    throw new UsageError('USAGE', `${archive.name} has no manifests to deploy`, {
      hint: 'a release carries manifests, or renderManifests of a chart; charts alone are installed with Helm',
    });
  }
  const chosen = profile ?? (names.length === 1 ? names[0] : undefined);
  const files = chosen === undefined ? undefined : profiles.get(chosen);
  if (chosen === undefined || files === undefined) {
    const meant = profile === undefined ? undefined : nearest(profile, names);
    const what = profile === undefined ? 'can be deployed in more than one way' : `has no profile ${profile}`;
    const did = meant === undefined ? '' : `did you mean ${meant}? `;
    throw new UsageError('USAGE', `${archive.name} ${what}`, {
      hint: `${did}give --profile, one of: ${names.join(', ')}`,
    });
  }
  const manifests = [];
  for (const file of [...files].sort((a, b) => (a.path < b.path ? -1 : 1))) {
    manifests.push({ path: file.path, text: (await readArchiveFile(archive, file, options)).toString('utf8') });
  }
  return { profile: chosen, manifests };
}

/** Reads what the release says of its deployment; undefined where it says nothing. @throws IntegrityError `MALFORMED` */
export async function readDeployDocument(
  archive: TrustedArchive,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<DeployDocument | undefined> {
  const file = archive.release.inventory.files.find(({ path }) => path === DEPLOY_PATH);
  return file && parseDeployDocument(await readArchiveFile(archive, file, options));
}
