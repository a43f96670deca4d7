// What netstandard2.0 lacks and the compiler asks for.
namespace System.Runtime.CompilerServices;

internal static class IsExternalInit
{
}
