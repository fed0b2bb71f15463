/**
 * What a stamp says: which code made a checkpoint. One JSON document, the same in every file format.
 *
 * Field names are those of the document, so that programs in any language read the same words. Readers
 * ignore fields that they do not know, and refuse a schema whose number they do not know. Everything but
 * `schema` and `git` may be missing: other programs write stamps, too.
 */

/** The schema of stamps that are written here; the number changes when a field changes its meaning. */
export const STAMP_SCHEMA = 'git-theta/provenance/1';

/**
 * The six fields of pl-git-callback, with its meaning of each. In a repository all are set but those that
 * an unborn or detached branch has not.
 */
export interface SixFields {
  /** There is no commit yet. */
  readonly empty: boolean | null;
  /** A tracked file differs from HEAD, in the index or the work tree. `null` without a commit. */
  readonly dirty: boolean | null;
  readonly num_untracked_files: number | null;
  readonly commit_hash: string | null;
  /** The committer's date, in seconds since 1970. */
  readonly commit_date: number | null;
  /** `null` when HEAD is detached. */
  readonly branch_name: string | null;
}

/** In what way tracked files differ from HEAD. */
export type DirtyKind =
  | 'added'
  | 'content'
  | 'conflict'
  | 'deleted'
  | 'intent-to-add'
  | 'mode'
  | 'renamed'
  | 'submodule'
  | 'type';

/** A submodule that is checked out or recorded. */
export interface SubmoduleState {
  readonly path: string;
  /** What HEAD records; `null` when it is new. */
  readonly commit: string | null;
  /** It has another commit checked out, changed files, or untracked files. */
  readonly dirty: boolean;
}

/** What makes git's answer about the work tree less certain. */
export interface GitFlags {
  readonly shallow: boolean;
  readonly sparse: boolean;
  readonly partial: boolean;
  /** Tracked paths that git is told not to look at; at most 100. */
  readonly assume_unchanged: readonly string[];
  /** What git is in the middle of: `merge`, `rebase`, `cherry-pick`, `revert`, `bisect`, `am`. */
  readonly operation: string | null;
}

/** Names that a CI system gives to what it builds. */
export interface CiHints {
  readonly system: string;
  readonly repository?: string;
  readonly branch?: string;
  readonly commit?: string;
  readonly run?: string;
}

/** The state of a repository. */
export interface GitState {
  /**
   * `git`: asked of git. `env`: stated by the environment, where there is no repository; what it does not state is
   * `null`, false, zero or empty.
   */
  readonly source: 'git' | 'env';
  /** URL of the remote, without credentials; `null` when it is a path of this machine. */
  readonly repo: string | null;
  readonly object_format: 'sha1' | 'sha256';
  /** There is no commit yet. */
  readonly empty: boolean;
  readonly commit: string | null;
  readonly tree: string | null;
  /** The tree without models: docs/provenance.md defines it. */
  readonly code_tree: string | null;
  readonly branch: string | null;
  readonly detached: boolean;
  /** `git describe --tags --always`; information, never compared. */
  readonly describe: string | null;
  readonly commit_date: number | null;
  readonly author_date: number | null;
  /** The literal meaning, models and all: the six fields have the same. */
  readonly dirty: boolean | null;
  /** Files that are no models differ from HEAD. */
  readonly code_dirty: boolean;
  /** In what ways, of files that are no models; sorted. */
  readonly dirty_kinds: readonly DirtyKind[];
  readonly changed: {
    /** Files that are no models and differ from HEAD. */
    readonly count: number;
    /** As of untracked ones, over what is in the work tree. */
    readonly digest: string | null;
  };
  readonly untracked: {
    /** All, as in the six fields. */
    readonly count: number;
    /** Those that are no models. */
    readonly code_count: number;
    /**
     * SHA-256 over the names and contents of those that are no models, or `null` when there are none, or too many to
     * read: docs/provenance.md defines it.
     */
    readonly digest: string | null;
  };
  readonly submodules: readonly SubmoduleState[];
  readonly flags: GitFlags;
  readonly upstream: {
    readonly ref: string;
    readonly ahead: number;
    readonly behind: number;
  } | null;
  readonly ci: CiHints | null;
}

/** The code at one moment of a run. */
export interface RunState {
  readonly commit: string | null;
  readonly code_tree: string | null;
  readonly code_dirty: boolean;
}

/** A run that wrote the checkpoint. */
export interface Run {
  /** With values that look secret taken out. */
  readonly command?: readonly string[];
  readonly started?: string;
  readonly ended?: string;
  readonly start_state?: RunState | null;
  readonly end_state?: RunState | null;
  readonly changed_during_run?: boolean;
}

/** What the tensors are, whatever the file around them. */
export interface Content {
  /** Hash over names and tensor hashes of the model: docs/provenance.md defines it. In hexadecimal. */
  readonly tensor_root?: {
    readonly algo: 'git-theta-content-1';
    readonly scope: 'model';
    readonly value: string;
  };
  /** The same over all tensors, where there are others than the model's. */
  readonly tensor_root_all?: string;
  /** Digests by which others know the same content. */
  readonly aliases?: Readonly<Record<string, string>>;
  /** The file before it was stamped, and what else is needed to take the stamp out. */
  readonly file_base: {
    readonly length: number;
    readonly sha256: string;
    readonly [name: string]: unknown;
  };
}

/** A stamp. */
export interface Stamp {
  readonly schema: string;
  readonly tool?: { readonly name: string; readonly version: string };
  /** ISO 8601, UTC. */
  readonly stamped_at?: string;
  readonly git: Partial<GitState>;
  /** Uncommitted code, kept as a commit of its own. */
  readonly changes?: { readonly snapshot_commit: string; readonly snapshot_ref: string };
  /** Tree or blob ids of `theta.provenance.codePath`. */
  readonly code_paths?: Readonly<Record<string, string>>;
  readonly run?: Run;
  readonly framework?: Readonly<Record<string, string>>;
  /** Of a checkpoint that git merged: the stamps of the versions that were merged, shortened; `relation` is `merge`. */
  readonly parents?: readonly {
    readonly tensor_root?: string;
    readonly commit?: string;
    readonly relation: string;
  }[];
  readonly content?: Content;
  readonly compat?: { readonly git_status?: SixFields };
}
