import type { Component } from 'svelte';
import type { Backend } from './backend';
import type { ProfileView, SessionView, UserView } from './bindings';
import type { Desk } from './desk.svelte';
import type { Door } from './door.svelte';
import type { Drops } from './drops.svelte';
import type { Transfers } from './transfers.svelte';

/** What every room is given. */
export interface RoomProps {
  backend: Backend;
  profile: ProfileView;
  session: SessionView;
  user: UserView;
  door: Door;
  desk: Desk;
  transfers: Transfers;
  drops: Drops;
}

/** A part of what a signed-in person can do; the window shows one at a time. */
export interface Room {
  id: string;
  name: string;
  /** Whether this profile has it. */
  has(profile: ProfileView): boolean;
  /** Fetched when it is first opened: the start does not wait for it. */
  load(): Promise<{ default: Component<RoomProps> }>;
  /** Whether it can use more width than text can. */
  wide?: boolean;
}

/** The rooms beside the account, in the order in which they are offered. */
export const ROOMS: readonly Room[] = [
  {
    id: 'files',
    name: 'Files',
    has: (profile) => profile.files,
    load: () => import('./FilesRoom.svelte'),
    wide: true,
  },
  {
    id: 'functions',
    name: 'Functions',
    has: (profile) => profile.aws,
    load: () => import('./FunctionsRoom.svelte'),
  },
  {
    id: 'aws-access',
    name: 'AWS access',
    has: (profile) => profile.aws,
    load: () => import('./AwsAccessRoom.svelte'),
  },
];
