// The bucket of a container that was there is not there any more.
using Mote.Capabilities.Blobstore;

namespace Mote.Backends.Nats.Objects;

internal sealed class BucketGoneException(string message, Exception inner) : BlobException(message, inner);
