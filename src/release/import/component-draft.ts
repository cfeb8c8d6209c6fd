/** A component of an imported release while its file is read: what fits is taken, what does not is named. */
import { AirgapError } from '../../errors.ts';
import { parsePlatform, formatPlatform } from '../../oci/platform.ts';
import { DOCKER_DAEMON_PREFIX, parseImage } from '../spec/spec-schema.ts';
import { shown, type Field } from './foreign-file.ts';
import type {
  ImportedChart,
  ImportedComponent,
  ImportedFile,
  ImportedImage,
  ImportedPath,
} from './imported-release.ts';

const URL_LIKE = /^(?:[a-z][a-z0-9+.-]*:\/\/|git::|git@)/i;
/** What tools replace before they use a text: Go's and Zarf's templates, variables of a shell. */
const TEMPLATE = /\{\{|###ZARF_|\$\{|\$[A-Za-z_]/;
/** What cosign lays beside an image; tools that do not look for it list it as an image. */
const EVIDENCE_TAG = /:sha256-[0-9a-f]{64}\.(?:sig|att|sbom)$/;
const HEX_SHA256 = /^[0-9a-f]{64}$/i;

/** What is said of an image beside its reference. */
export interface ImageOptions {
  readonly platforms?: readonly string[] | undefined;
  readonly note?: string | undefined;
  /** Whether the tool takes it from the Docker Engine of its machine. */
  readonly isLocal?: boolean | undefined;
  /** The next step where the text is a template. */
  readonly render?: string | undefined;
}

/** Whether a tool would replace parts of the text first. */
export function isTemplate(text: string): boolean {
  return TEMPLATE.test(text);
}

/** Whether a text names something on the network. */
export function isUrl(text: string): boolean {
  return URL_LIKE.test(text);
}

/** Collects one component. */
export class ComponentDraft {
  readonly name: string;
  readonly description: string | undefined;
  readonly #images: ImportedImage[] = [];
  readonly #charts: ImportedChart[] = [];
  readonly #manifests: ImportedPath[] = [];
  readonly #docs: ImportedPath[] = [];
  readonly #files: ImportedFile[] = [];

  /** `name` is the tool's own; it is made to fit later. */
  constructor(name: string, description?: string) {
    this.name = name;
    this.description = description;
  }

  /** Takes an image. A template is left out and named; what is no reference at all is a fault of the file. */
  addImage(field: Field, text: string, options: ImageOptions = {}): void {
    const reference = text.replace(/^docker:\/\//, '');
    const { platforms, note, isLocal = false, render = 'write the image it stands for into release.yaml' } = options;
    if (isTemplate(reference)) {
      field.file.leave(field.at, `image ${shown(reference)} is a template: ${render}`);
      return;
    }
    if (EVIDENCE_TAG.test(reference)) {
      field.file.remark(field.at, `${shown(reference)} is evidence of an image, and travels with it unasked`);
      return;
    }
    const written = `${isLocal && !reference.startsWith(DOCKER_DAEMON_PREFIX) ? DOCKER_DAEMON_PREFIX : ''}${reference}`;
    try {
      parseImage(written);
    } catch (error) {
      if (!(error instanceof AirgapError)) throw error;
      field.file.refuse(field.at, `${error.message}${error.hint === undefined ? '' : ` (${error.hint})`}`);
      return;
    }
    this.#images.push({ reference: written, platforms: this.#platforms(field, platforms), note, at: field.at });
  }

  addChart(chart: ImportedChart): void {
    this.#charts.push(chart);
  }

  addManifest(field: Field, path: string): void {
    if (isPath(field, 'manifest', path)) this.#manifests.push({ path, at: field.at });
  }

  addDoc(field: Field, path: string): void {
    if (isPath(field, 'document', path)) this.#docs.push({ path, at: field.at });
  }

  /** `sha256` is hexadecimal, as tools write it. */
  addFile(
    field: Field,
    path: string,
    { sha256, as }: { sha256?: string | undefined; as?: string | undefined } = {},
  ): void {
    if (!isPath(field, 'file', path)) return;
    const isPinned = sha256 !== undefined && HEX_SHA256.test(sha256);
    if (sha256 !== undefined && !isPinned)
      field.file.remark(field.at, `${shown(sha256)} is no SHA-256: not taken over`);
    const integrity = isPinned ? `sha256-${Buffer.from(sha256, 'hex').toString('base64')}` : undefined;
    this.#files.push({ path, integrity, as, at: field.at });
  }

  /** What was collected. */
  finish(): ImportedComponent {
    return {
      name: this.name,
      description: this.description,
      images: this.#images,
      charts: this.#charts,
      manifests: this.#manifests,
      docs: this.#docs,
      files: this.#files,
    };
  }

  #platforms(field: Field, texts: readonly string[] | undefined): readonly string[] | undefined {
    const platforms = toPlatforms(field, texts ?? []);
    return platforms.length === 0 ? undefined : platforms;
  }
}

/** The platforms among the texts, in their one spelling; what is none is named. */
export function toPlatforms(field: Field, texts: readonly string[]): readonly string[] {
  const platforms = texts.flatMap((text) => {
    try {
      return [formatPlatform(parsePlatform(text))];
    } catch (error) {
      if (!(error instanceof AirgapError)) throw error;
      field.file.remark(field.at, `platform ${shown(text)} is not known: all platforms are taken`);
      return [];
    }
  });
  return [...new Set(platforms)];
}

/** Whether it is a path that a release.yaml may come to name; otherwise it is named. */
function isPath(field: Field, what: string, path: string): boolean {
  if (isTemplate(path)) {
    field.file.leave(field.at, `${what} ${shown(path)} is a template: write what it stands for into release.yaml`);
    return false;
  }
  if (!isUrl(path)) return true;
  field.file.leave(field.at, `${what} ${shown(path)} lies on the network: download it, and list it by its path`);
  return false;
}
