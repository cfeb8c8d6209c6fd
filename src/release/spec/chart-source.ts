/** Where a chart of a release comes from: a path beside the release.yaml, or a registry, written as Helm writes it. */
import { isPortablePath, normalizePortablePath } from '../../base/portable-path.ts';
import { UsageError } from '../../errors.ts';
import { formatReference, parseReference, type Reference } from '../../oci/reference.ts';

const OCI_PREFIX = 'oci://';
/** Helm takes the first part as the host, whatever it looks like; a name without a dot or port would be Docker Hub's here. */
const HOST = /^(localhost|[^/]*[.:][^/]*)\//;

/** Names that charts have in a repository. */
const CHART_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,249}$/;

/** Whether a text can be the name of a chart in a repository. */
export function isChartName(text: string): boolean {
  return CHART_NAME.test(text);
}

/** A chart's place, in its one spelling. */
export interface ChartSource {
  /** The path, or `oci://host/repository:tag`. */
  readonly from: string;
  /** Absent for a path. */
  readonly reference?: Reference | undefined;
}

/**
 * Reads what a person wrote, or what a lock has. `+` of a version is `_` in a tag, as in Helm.
 * @throws UsageError `INVALID_SPEC` for a path that is none, or an `oci://` without host or version.
 * @see https://helm.sh/docs/topics/registries/
 */
export function parseChartSource(text: string): ChartSource {
  if (!text.startsWith(OCI_PREFIX)) {
    if (isPortablePath(text)) return { from: normalizePortablePath(text) };
    throw new UsageError('INVALID_SPEC', 'must be a plain path below the directory of this file, or oci://…', {
      hint: 'such as charts/app, charts/app-1.2.3.tgz or oci://registry.example.com/charts/app:1.2.3',
    });
  }
  const name = text.slice(OCI_PREFIX.length);
  if (!HOST.test(name)) {
    throw new UsageError('INVALID_SPEC', `${text} names no registry`, {
      hint: 'write oci://host/repository:version, for Docker Hub oci://registry-1.docker.io/…',
    });
  }
  const reference = parseReference(name.replaceAll('+', '_'));
  if (reference.tag === undefined && reference.digest === undefined) {
    throw new UsageError('INVALID_SPEC', `${text} names no version`, {
      hint: `a release takes one version: write ${text}:1.2.3`,
    });
  }
  return { from: `${OCI_PREFIX}${formatReference(reference)}`, reference };
}
