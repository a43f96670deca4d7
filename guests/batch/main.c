// Adds up the numbers that a batch of messages has, and sends one message with the sum and how many there were. What is no
// number is named as a failure; the rest counts.
#include "batch.h"

typedef batch_list_wasi_messaging_types_own_message_t messages_t;
typedef batch_list_exports_mote_messaging_batch_handler_failure_t failures_t;
typedef exports_mote_messaging_batch_handler_failure_t failure_t;
typedef exports_mote_messaging_batch_handler_error_t error_t;

#define MOST 1000 // messages of a batch, of any node

static bool number(batch_list_u8_t text, uint64_t *value) {
    *value = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9' || *value > UINT32_MAX) return false;
        *value = *value * 10 + (text.ptr[i] - '0');
    }
    return text.len > 0;
}

static size_t write(uint8_t *to, uint64_t value) {
    uint8_t digits[20];
    size_t n = 0, written = 0;
    do digits[n++] = '0' + value % 10; while (value /= 10);
    while (n) to[written++] = digits[--n];
    return written;
}

static bool publish(uint64_t sum, uint64_t count, error_t *err) {
    uint8_t text[48];
    size_t n = write(text, sum);
    text[n++] = '/';
    n += write(text + n, count);
    wasi_messaging_types_own_client_t client;
    if (!wasi_messaging_types_client_connect(batch_string(""), &client, err)) return false;
    wasi_messaging_types_own_message_t message = wasi_messaging_types_message_new((batch_list_u8_t){ text, n });
    bool sent = wasi_messaging_producer_send(wasi_messaging_types_client_borrow(client), batch_string("out"), message, err);
    wasi_messaging_types_client_drop(client);
    return sent;
}

bool exports_mote_messaging_batch_handler_handle(messages_t messages, failures_t *ret, error_t *err) {
    static failure_t failures[MOST]; // static memory may be given back: freeing leaves it alone
    uint64_t sum = 0, count = 0;
    ret->ptr = failures;
    ret->len = 0;
    for (size_t i = 0; i < messages.len && i < MOST; i++) {
        batch_list_u8_t data = wasi_messaging_types_message_data(wasi_messaging_types_message_borrow(messages.ptr[i]));
        uint64_t value;
        if (number(data, &value)) {
            sum += value;
            count++;
        } else {
            failure_t *f = &failures[ret->len++];
            f->index = i;
            f->error.tag = WASI_MESSAGING_TYPES_ERROR_OTHER;
            f->error.val.other = batch_string("not a number");
        }
        batch_list_u8_free(&data);
    }
    batch_list_wasi_messaging_types_own_message_free(&messages); // the messages with it
    return publish(sum, count, err);
}
