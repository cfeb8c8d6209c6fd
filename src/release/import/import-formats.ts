/** The formats of other tools: how each is told by its content, and who reads it. */
import { UsageError } from '../../errors.ts';
import { readYaml, type YamlDocument } from '../../base/yaml-source.ts';
import { Field, ForeignFile } from './foreign-file.ts';
import { IMPORT_FORMATS, type ImportFormat } from './format-names.ts';
import { isChartImagesLock, readChartImagesLock } from './formats/chart-images-lock.ts';
import { isCompose, readCompose } from './formats/docker-compose.ts';
import { isHauler, readHauler } from './formats/hauler-manifest.ts';
import { isHelmfile, isHelmfileTemplate, readHelmfile, RENDER_HELMFILE } from './formats/helmfile.ts';
import { isImageList, readImageList } from './formats/image-list.ts';
import { isImageSet, readImageSet } from './formats/image-set-configuration.ts';
import { isImgpkg, readImgpkg } from './formats/imgpkg-lock.ts';
import { isRegsync, readRegsync } from './formats/regsync.ts';
import { isSkopeoSync, readSkopeoSync } from './formats/skopeo-sync.ts';
import { isZarf, readZarf } from './formats/zarf-package.ts';
import type { ImportedRelease } from './imported-release.ts';

type Mapping = Readonly<Record<string, unknown>>;

interface YamlFormat {
  readonly title: string;
  /** Whether a document is of this format. */
  readonly is: (document: Mapping) => boolean;
  readonly read: (documents: readonly Field[], file: ForeignFile) => ImportedRelease;
}

const LIST_TITLE = 'a list of images';
/** In the order in which they are tried: what names its kind comes first. */
const YAML_FORMATS: Readonly<Record<Exclude<ImportFormat, 'images'>, YamlFormat>> = {
  hauler: { title: 'a Hauler manifest', is: isHauler, read: readHauler },
  'oc-mirror': { title: 'an ImageSetConfiguration', is: isImageSet, read: readImageSet },
  zarf: { title: 'a Zarf package definition', is: isZarf, read: readZarf },
  imgpkg: { title: 'a lock of imgpkg', is: isImgpkg, read: readImgpkg },
  'images-lock': { title: 'the Images.lock of a chart', is: isChartImagesLock, read: readChartImagesLock },
  regsync: { title: 'a configuration of regsync', is: isRegsync, read: readRegsync },
  compose: { title: 'a Compose file', is: isCompose, read: readCompose },
  helmfile: { title: 'a helmfile', is: isHelmfile, read: readHelmfile },
  skopeo: { title: 'a list for skopeo sync', is: isSkopeoSync, read: readSkopeoSync },
};

/** What a file of another tool says, and what it was read as. */
export interface ForeignRelease extends ImportedRelease {
  readonly format: ImportFormat;
  /** In words: `a Zarf package definition`. */
  readonly title: string;
}

/**
 * Reads a file of another tool, within the limits of all YAML here. `from` says what it is; otherwise its content tells.
 * @throws UsageError `INVALID_SPEC` naming file and line of what is wrong, or that the format is not known.
 */
export function parseForeignFile(text: string, fileName: string, from?: ImportFormat): ForeignRelease {
  const file = new ForeignFile(fileName);
  if (from === 'images' || (from === undefined && isImageList(text))) {
    const release = readImageList(text, file);
    file.assertWellFormed(LIST_TITLE);
    return { ...release, format: 'images', title: LIST_TITLE };
  }
  const documents = readDocuments(text, fileName).filter(({ value }) => value !== null);
  const format = from ?? documents.map(({ value }) => formatOf(value)).find((found) => found !== undefined);
  if (format === undefined) throw unknown(fileName, documents[0]);
  const { title, is, read } = YAML_FORMATS[format];
  const own = documents.filter(({ value }) => from !== undefined || (isMapping(value) && is(value)));
  for (const { start } of documents.filter((document) => !own.includes(document))) {
    file.leave(start.line, `this document is not part of ${title}: import it on its own`);
  }
  const release = read(
    own.map((document) => Field.of(file, document)),
    file,
  );
  file.assertWellFormed(title);
  return { ...release, format, title };
}

/** In words, what a document is if it is another tool's: for who took it for a release.yaml. */
export function titleOfForeign(value: unknown): string | undefined {
  const format = formatOf(value);
  return format === undefined ? undefined : YAML_FORMATS[format].title;
}

function formatOf(value: unknown): Exclude<ImportFormat, 'images'> | undefined {
  if (!isMapping(value)) return undefined;
  const formats = Object.keys(YAML_FORMATS) as (keyof typeof YAML_FORMATS)[];
  return formats.find((format) => YAML_FORMATS[format].is(value));
}

function readDocuments(text: string, fileName: string): readonly YamlDocument[] {
  try {
    return readYaml(text, fileName, { merge: true });
  } catch (error) {
    if (!(error instanceof UsageError) || !isHelmfileTemplate(text)) throw error;
    throw new UsageError(error.code, error.message, { cause: error, hint: `it has templates: ${RENDER_HELMFILE}` });
  }
}

function unknown(fileName: string, document: YamlDocument | undefined): UsageError {
  if (document === undefined) return new UsageError('INVALID_SPEC', `${fileName}: is empty`);
  const { apiVersion, kind } = isMapping(document.value) ? document.value : {};
  const isOwn = typeof apiVersion === 'string' && apiVersion.startsWith('airgap.hexabase.ai/');
  const isResource = typeof apiVersion === 'string' && typeof kind === 'string';
  const hint = isOwn
    ? 'it is a release.yaml already: airgap resolve'
    : isResource
      ? 'list Kubernetes manifests under `manifests` of a release.yaml; airgap init writes one to start from'
      : `say with --from what it is: ${IMPORT_FORMATS.join(', ')}`;
  return new UsageError('INVALID_SPEC', `${fileName}:${document.start.line}: is in no format that is known here`, {
    hint,
  });
}

function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
