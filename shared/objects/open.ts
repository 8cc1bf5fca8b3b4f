import { bucketObjects } from './bucket.ts'
import { folderObjects } from './folder.ts'
import type { Objects } from './objects.ts'

/** A place for objects, as it is configured. */
export type Place = { kind: 'folder'; folder: string } | { kind: 'bucket'; bucket: string; storageUrl: string; metadataUrl: string }

/** The objects of a place; none without one. */
export const openObjects = (place: Place | undefined): Objects | undefined =>
  place && (place.kind === 'folder' ? folderObjects(place.folder) : bucketObjects(place))
