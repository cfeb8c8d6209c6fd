/** Hauler's manifests: documents of kind Images, Charts and Files. @see https://docs.hauler.dev/docs/guides-references/manifests */
import { addChart } from '../chart-place.ts';
import { ComponentDraft } from '../component-draft.ts';
import { shown, type Field, type ForeignFile } from '../foreign-file.ts';
import type { ImportedRelease } from '../imported-release.ts';

const GROUP = /^(content|collection)\.hauler\.cattle\.io\//;
const IMAGE_FIELDS = ['name', 'platform', 'local', 'exclude-extras', 'ca-file', 'insecure-skip-tls-verify', 'rewrite'];
const SIGNATURE_FIELDS = [
  'key', 'use-tlog-verify', 'certificate-identity', 'certificate-identity-regexp', 'certificate-oidc-issuer',
  'certificate-oidc-issuer-regexp', 'certificate-github-workflow-repository',
]; // prettier-ignore
/** How a chart is fetched, and what Helm's engine does here in any case. */
const CHART_FIELDS = [
  'name', 'repoURL', 'version', 'valuesFiles', 'rewrite', 'platform', 'keyring', 'verify', 'add-images', 'add-dependencies',
  'exclude-extras', 'usernameEnv', 'passwordEnv', 'passCredentialsAll', 'certFile', 'keyFile', 'caFile',
  'insecureSkipTLSVerify', 'plainHTTP',
]; // prettier-ignore

/** Whether a document is one of Hauler's. */
export function isHauler(document: Readonly<Record<string, unknown>>): boolean {
  return typeof document['apiVersion'] === 'string' && GROUP.test(document['apiVersion']);
}

/** Reads all documents, each into a component of its own. */
export function readHauler(documents: readonly Field[], file: ForeignFile): ImportedRelease {
  const components = documents.map((document) => {
    const kind = document.get('kind').text ?? '';
    const draft = new ComponentDraft(document.get('metadata').get('name').text ?? kind.toLowerCase());
    const spec = document.get('spec');
    if (kind === 'Images') readImages(document, draft);
    else if (kind === 'Charts') for (const chart of spec.get('charts').items) readChart(chart, draft);
    else if (kind === 'Files') for (const each of spec.get('files').items) readFile(each, draft);
    else file.leave(document.at, `documents of kind ${shown(kind)} are not taken over: list what it stands for`);
    return draft.finish();
  });
  return { components, unexpressed: file.unexpressed };
}

function readImages(document: Field, draft: ComponentDraft): void {
  const annotations = document.get('metadata').get('annotations');
  const registry = annotations.get('hauler.dev/registry').text;
  for (const image of document.get('spec').get('images').items) {
    const name = image.get('name').requiredText;
    if (name === undefined) continue;
    const platform = image.get('platform').text || annotations.get('hauler.dev/platform').text || undefined;
    const isLocal = image.get('local').isTrue;
    draft.addImage(image, isLocal || registry === undefined ? name : withRegistry(name, registry), {
      isLocal,
      platforms: platform === undefined ? undefined : [platform],
    });
    const signed = [image, annotations].flatMap((place) =>
      place.keys.filter((key) => SIGNATURE_FIELDS.includes(key.replace('hauler.dev/', ''))),
    );
    if (signed.length > 0) {
      image.file.remark(
        image.at,
        `${shown(name)}: its signer (${signed.join(', ')}) is not taken over; say it in imagePolicy`,
      );
    }
    if (image.get('rewrite').text) {
      image.file.remark(
        image.at,
        `${shown(name)}: its other name is not taken over; a load takes --name-map for names at the target`,
      );
    }
    image.leaveUnknown([...IMAGE_FIELDS, ...SIGNATURE_FIELDS]);
  }
}

/** Hauler puts the registry in front of what names none. */
function withRegistry(name: string, registry: string): string {
  const first = name.split('/')[0] ?? '';
  const hasHost = name.includes('/') && (/[.:]/.test(first) || first === 'localhost');
  return hasHost ? name : `${registry.replace(/\/+$/, '')}/${name}`;
}

function readChart(chart: Field, draft: ComponentDraft): void {
  const name = chart.get('name').requiredText;
  if (name === undefined) return;
  const repository = chart.get('repoURL').text?.replace(/^file:\/\//, '') || undefined;
  const isLocal = repository !== undefined && !/^[a-z]+:\/\//i.test(repository);
  const values = chart.get('valuesFiles').items.flatMap(({ text }) => (text === undefined ? [] : [text]));
  addChart(draft, chart, {
    chart: isLocal ? `${repository.replace(/\/+$/, '')}/${name}` : name,
    repository: isLocal ? undefined : repository,
    version: chart.get('version').text || undefined,
    keyring: chart.get('keyring').text || undefined,
    values: values.length === 0 ? [] : [values],
  });
  chart.leaveUnknown(CHART_FIELDS);
}

function readFile(each: Field, draft: ComponentDraft): void {
  const path = each.get('path').requiredText;
  if (path !== undefined) draft.addFile(each, path, { as: each.get('name').text || undefined });
  each.leaveUnknown(['path', 'name', 'ca-file', 'insecure-skip-tls-verify']);
}
