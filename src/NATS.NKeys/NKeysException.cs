// What is wrong with a key.
namespace NATS.NKeys;

/// <summary>A key is none, or cannot do what it was asked. The message says which, and has nothing of a secret in it.</summary>
public class NKeysException(string message, Exception? innerException = null) : Exception(message, innerException);
