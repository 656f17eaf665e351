package store

// DueLanesQuery is what the tests ask the query planner about.
const DueLanesQuery = dueLanes
