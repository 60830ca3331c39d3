/// make<T>() and Own<T>: objects on the kernel heap with a single owner.
#pragma once

#include <new>
#include <utility>

#include "mm/slab.h"

namespace mm {

/// The only pointer to an object that make<T>() created; destroys it at the end of its life.
template <class T>
class Own {
public:
    Own() = default;
    Own(decltype(nullptr)) {}
    explicit Own(T* adopted) : object_(adopted) {}
    Own(Own&& from) : object_(std::exchange(from.object_, nullptr)) {}
    Own& operator=(Own&& from) {
        if (this != &from) {
            reset();
            object_ = std::exchange(from.object_, nullptr);
        }
        return *this;
    }
    ~Own() { reset(); }

    T& operator*() const { return *object_; }
    T* operator->() const { return object_; }
    T* get() const { return object_; }
    explicit operator bool() const { return object_ != nullptr; }
    /// Gives up ownership.
    T* leak() { return std::exchange(object_, nullptr); }
    void reset() {
        if (T* object = leak()) {
            object->~T();
            kfree(object);
        }
    }

private:
    T* object_ = nullptr;
};

/// A T on the heap, built from `args`. ENOMEM.
template <class T, class... Args>
Result<Own<T>> make(Args&&... args) {
    void* memory = TRY(kmalloc(sizeof(T), Gfp::Kernel));
    return Own<T>(new (memory) T(std::forward<Args>(args)...));
}

/// Destroys an object made by make<T>() whose ownership was leaked into a counted pointer.
template <class T>
void destroy(T* object) {
    object->~T();
    kfree(object);
}

}  // namespace mm
