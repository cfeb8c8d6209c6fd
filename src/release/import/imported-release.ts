/** What a file of another tool says, in the words of a release, with the line that says so. */

/** Where something was said: a one-based line of the file. */
export type At = number;

/** One image of another tool's file. */
export interface ImportedImage {
  /** As it was written, with `docker-daemon:` in front where it comes from an Engine. */
  readonly reference: string;
  /** Only these, as `os/architecture[/variant]`. Absent: all of the release. */
  readonly platforms?: readonly string[] | undefined;
  /** What a reader should know of it, such as the tag that a digest was pinned from. */
  readonly note?: string | undefined;
  /** The line it comes from. */
  readonly at: At;
}

/** One chart: its place, and what it is rendered with. */
export interface ImportedChart {
  /** A path from the imported file on, `oci://registry/repository:version`, or a name in `repository`. */
  readonly chart: string;
  /** `https://…` or `http://…`. */
  readonly repository?: string | undefined;
  /** With `repository`. */
  readonly version?: string | undefined;
  /** A path from the imported file on. */
  readonly keyring?: string | undefined;
  /** Sets of value files, each a list of paths from the imported file on; an empty one stands for the default values. */
  readonly values: readonly (readonly string[])[];
  /** Of the cluster that it is rendered for. */
  readonly kubeVersion?: string | undefined;
  /** What that cluster serves beside what Helm knows. */
  readonly apiVersions?: readonly string[] | undefined;
  /** The namespace it is rendered for. */
  readonly namespace?: string | undefined;
  /** The name of the Helm release. */
  readonly releaseName?: string | undefined;
  /** The line it comes from. */
  readonly at: At;
}

/** One file or directory, from the imported file on. */
export interface ImportedPath {
  /** As the tool wrote it; from the release.yaml on once it is settled. */
  readonly path: string;
  /** The line it comes from. */
  readonly at: At;
}

/** One extra file. */
export interface ImportedFile extends ImportedPath {
  /** Subresource-integrity string; absent where the tool pins nothing. */
  readonly integrity?: string | undefined;
  /** Its name in the archive. */
  readonly as?: string | undefined;
}

/** One part of the release. */
export interface ImportedComponent {
  /** As the tool calls it; made to fit, and unique, when it is written. */
  readonly name: string;
  /** What it is for. */
  readonly description?: string | undefined;
  /** In the order of the file. */
  readonly images: readonly ImportedImage[];
  /** In the order of the file. */
  readonly charts: readonly ImportedChart[];
  /** Kubernetes YAML: files and directories. */
  readonly manifests: readonly ImportedPath[];
  /** Documents for people. */
  readonly docs: readonly ImportedPath[];
  /** Extra files, pinned. */
  readonly files: readonly ImportedFile[];
}

/** Something that a release.yaml does not say. */
export interface Unexpressed {
  /** The line it comes from. */
  readonly at: At;
  /** What it is, and the next step: one line. */
  readonly message: string;
  /** Whether content stays behind, and not only how something is done with it. */
  readonly isContent: boolean;
}

/** A whole file of another tool. */
export interface ImportedRelease {
  /** As the tool calls it. */
  readonly name?: string | undefined;
  /** As the tool writes it. */
  readonly version?: string | undefined;
  /** As `os/architecture[/variant]`; absent where the tool names none. */
  readonly platforms?: readonly string[] | undefined;
  /** The parts that have anything to carry. */
  readonly components: readonly ImportedComponent[];
  /** In the order of the file. */
  readonly unexpressed: readonly Unexpressed[];
}
