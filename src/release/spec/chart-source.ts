/** Where a chart of a release comes from: a path beside the release.yaml, a registry or a web server, as Helm writes it. */
import { isPortablePath, normalizePortablePath } from '../../base/portable-path.ts';
import { hideAccounts } from '../../base/http/redact.ts';
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
  /** The path, `oci://host/repository:tag`, or the address of a package. */
  readonly from: string;
  /** Of a chart in a registry. */
  readonly reference?: Reference | undefined;
  /** Of a package on a web server. */
  readonly address?: string | undefined;
}

/**
 * Reads what a person wrote, or what a lock has. `+` of a version is `_` in a tag, as in Helm.
 * @throws UsageError `INVALID_SPEC` for a path that is none, or an `oci://` without host or version.
 * @see https://helm.sh/docs/topics/registries/
 */
export function parseChartSource(text: string): ChartSource {
  if (/^https?:\/\//.test(text)) return parseAddress(text);
  if (!text.startsWith(OCI_PREFIX)) {
    if (isPortablePath(text)) return { from: normalizePortablePath(text) };
    throw new UsageError(
      'INVALID_SPEC',
      'must be a plain path below the directory of this file, or the address of a chart',
      {
        hint: 'such as charts/app, charts/app-1.2.3.tgz or oci://registry.example.com/charts/app:1.2.3',
      },
    );
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

function parseAddress(text: string): ChartSource {
  const refuse = (why: string, hint: string): UsageError =>
    new UsageError('INVALID_SPEC', `${hideAccounts(text)} ${why}`, { hint });
  if (!URL.canParse(text)) throw refuse('is no address', 'such as https://charts.example.com/app-1.2.3.tgz');
  const address = new URL(text);
  if (address.username !== '' || address.password !== '' || address.search !== '') {
    throw refuse('has an account or a query in it, which the lock would keep', 'accounts belong in the auth file');
  }
  address.hash = '';
  return { from: address.href, address: address.href };
}
