// Package depot keeps files: uploads that arrive in slices, and files
// written whole. A Folder serves one machine, or several that share a disk;
// a Bucket (S3) serves several instances.
//
// Everything is sealed with a key that the caller keeps: whoever has the
// folder or the bucket but not the key can neither read a file nor change,
// cut, swap or rename it without being noticed, and losing the key is
// deleting the file. Memory does not grow with the file.
//
// It must not know whose files these are or what is in them.
package depot
