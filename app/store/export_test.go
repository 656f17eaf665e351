package store

// DueLanesQuery is what the tests ask the query planner about.
const DueLanesQuery = dueLanes

// UsingUploadQuery is the inner part of ExpiredUploads.
const UsingUploadQuery = usingUpload

// ItemEntriesQuery finds the rows of an item.
const ItemEntriesQuery = itemEntries
